-- Parts of the index $1 that were built with few or none of today's rows.
SELECT part, built, rows
FROM pgwright.vector_outgrown($1)
