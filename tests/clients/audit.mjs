// Prints what the audits of GraphQL over HTTP find at SHOP_URL: a list of {id, name, status, reason}.
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: `${process.env.SHOP_URL}/graphql`, fetchFn: fetch });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
