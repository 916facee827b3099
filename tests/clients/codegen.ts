// Types for every example document, by the client preset: what a storefront in TypeScript would generate.
import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: '../../schema.graphql',
  documents: ['../../docs/examples/*.graphql'],
  generates: {
    'typed/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        strictScalars: true,
        scalars: { Cursor: 'string', DateTime: 'string', Decimal: 'string', URL: 'string' },
        enumsAsTypes: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;
