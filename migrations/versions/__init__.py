"""One module a migration, `NNNN_verb_noun.py`."""
