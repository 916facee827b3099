// Writes FILE.br and FILE.gz beside every file of a folder that gets smaller by it: the server only picks one.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const compressible = /\.(css|html|js|json|map|svg|ttf|txt)$/;
const smallest = 1024; // bytes; below, the header of the compressed answer costs what it saves

async function compress(path) {
  const content = await readFile(path);
  if (content.length < smallest) return;
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } };
  const variants = await Promise.all([promisify(brotliCompress)(content, quality), promisify(gzip)(content, { level: 9 })]);
  for (const [index, suffix] of ['.br', '.gz'].entries()) {
    if (variants[index].length < content.length) await writeFile(path + suffix, variants[index]);
  }
}

const folder = process.argv[2];
const entries = await readdir(folder, { recursive: true, withFileTypes: true });
await Promise.all(
  entries
    .filter((entry) => entry.isFile() && compressible.test(entry.name))
    .map((entry) => compress(join(entry.parentPath, entry.name))),
);
