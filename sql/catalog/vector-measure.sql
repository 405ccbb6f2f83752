-- Measures the recall of the index $1. With $2, finds its search parameter first.
SELECT search, best, recall, measured_with, queries, through, hidden_from
FROM pgwright.vector_measure($1, $2)
