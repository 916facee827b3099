"""Steps of the orders by name and by time, and marks of them in the texts that are searched.

Until the index is built anew (the worker does it within the hour where there are many products, or `cartograph search
rebuild`) no text has marks: everything is found, by the slower way. A process of the release before writes texts
without marks, and what it writes after that is missing from most pages by name and by time: build the index once more
when the last of them is gone, and after going back to that release and forth again.

Revision ID: 0019
"""

from alembic import op
from sqlalchemy import Column, DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0019"
down_revision = "0018"

STEP_MARKS = """
CREATE FUNCTION step_marks(of_order text, step integer) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT AS $$
    SELECT ARRAY[
        '#' || of_order || '0.' || step, '#' || of_order || '1.' || step / 8, '#' || of_order || '2.' || step / 64]
$$
"""
# the marks of these steps and of no others: from the first on, each time of the largest block that begins there
STEPS_QUERY = """
CREATE FUNCTION steps_query(of_order text, low integer, high integer) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT AS $$
DECLARE
    marks text;
    step integer := low;
    level integer;
    steps integer;
BEGIN
    WHILE step <= high LOOP
        level := 0;
        steps := 1;
        WHILE level < 2 AND step % (8 * steps) = 0 AND step + 8 * steps - 1 <= high LOOP
            level := level + 1;
            steps := 8 * steps;
        END LOOP;
        marks := concat_ws(' | ', marks, quote_literal('#' || of_order || level || '.' || step / steps));
        step := step + steps;
    END LOOP;
    RETURN CAST(marks AS tsquery);
END
$$
"""
WORD_KEYS = """
CREATE OR REPLACE FUNCTION word_keys(words tsvector, step integer) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT AS $$
    SELECT array_agg(word_key(word, step)) FROM unnest(tsvector_to_array(words)) AS word WHERE word NOT LIKE '#%'
$$
"""


def upgrade() -> None:
    """One transaction, so a failure leaves nothing behind."""
    op.execute(STEP_MARKS)
    op.execute(STEPS_QUERY)
    op.execute(WORD_KEYS)
    for name, array in (("name_steps", ARRAY(Text)), ("time_steps", ARRAY(DateTime(timezone=True)))):
        op.add_column("search_state", Column(name, array, nullable=False, server_default="{}"))
