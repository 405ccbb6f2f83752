-- migrate:up transaction:false
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout

-- m and ef_construction are the defaults of pgvector; raise them only for a recall that was measured to be too low.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_document_chunks_embedding ON rag.document_chunks
USING hnsw (embedding extensions.vector_cosine_ops) WITH (m = 16, ef_construction = 64);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY IF EXISTS rag.idx_document_chunks_embedding;
