"""Catalogues to start with: a small hand-written shop (demo) and a synthetic one of any size (generated).

Both give the drafts that an import gives, always the same ones, so that seeding twice changes nothing.
"""
