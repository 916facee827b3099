// Prints what has changed between two schemas, given as files: a list of {type, path, level, message}.
import { readFileSync } from 'node:fs';
import { diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const [before, after] = process.argv.slice(2).map((file) => buildSchema(readFileSync(file, 'utf8')));
const changes = await diff(before, after);
const shown = changes.map(({ type, path, criticality, message }) => ({ type, path, level: criticality.level, message }));
console.log(JSON.stringify(shown));
