"""The schema's history: one file a step, run in order by `cartograph migrate`."""
