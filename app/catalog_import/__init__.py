"""Files into the catalogue: JSON Lines in our own format, and Shopify's product CSV.

formats recognises a file -> jsonl or shopify_csv turn its rows into drafts, faults and products left out
-> run_import writes the drafts in batches and counts. docs/guides/import.md describes both formats for users.

A product lands whole or not at all: a fault in one of its variants keeps all of it out.
"""
