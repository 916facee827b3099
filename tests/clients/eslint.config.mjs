// What graphql-eslint holds the schema and the example documents to: the recommended rules and Relay's, and why not all.
import graphql from '@graphql-eslint/eslint-plugin';

const { configs, parser } = graphql;
const graphQLConfig = { schema: 'schema.graphql', documents: 'docs/examples/*.graphql' };
const common = { languageOptions: { parser, parserOptions: { graphQLConfig } }, plugins: { '@graphql-eslint': graphql } };
const rules = (given) => Object.fromEntries(Object.entries(given).map(([name, is]) => [`@graphql-eslint/${name}`, is]));

export default [
  {
    ...common,
    files: ['schema.graphql'],
    rules: {
      ...configs['flat/schema-recommended'].rules,
      ...configs['flat/schema-relay'].rules,
      ...rules({
        'input-name': 'error',
        'no-scalar-result-type-on-mutation': 'error',
        'require-deprecation-date': 'error',
        'require-nullable-fields-with-oneof': 'error',
        'require-description': [
          'error',
          {
            types: true,
            rootField: true,
            DirectiveDefinition: true,
            EnumValueDefinition: true,
            FieldDefinition: true,
            InputValueDefinition: true,
            // the specification's own, which is printed for tools that do not know it
            ignoredSelectors: ['DirectiveDefinition[name.value=oneOf]'],
          },
        ],
        // An id is for what can be fetched by it, and all that can is a Node. Values, such as Money, have none.
        'strict-id-in-types': 'off',
        // Lists of one parent's few parts, such as a cart's lines, are read forwards only.
        'relay-arguments': ['error', { includeBoth: false }],
        // Short lists with a stated bound are plain lists, and a connection has its `nodes` for who needs no cursors.
        // Edges hold values too, such as images, which are no nodes.
        'relay-edge-types': [
          'error',
          { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
        ],
      }),
    },
  },
  { ...common, files: ['docs/examples/*.graphql'], rules: configs['flat/operations-recommended'].rules },
];
