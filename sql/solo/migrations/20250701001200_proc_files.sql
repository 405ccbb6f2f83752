-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- The kernel's own figures, read by file_fdw. The files to read are fixed here, by a role that may name server files;
-- who reads a table needs no more than SELECT on it. Delimiter and quote never occur: a line is one column.
CREATE SERVER proc_files FOREIGN DATA WRAPPER file_fdw;

COMMENT ON SERVER proc_files IS 'Files of /proc that metrics.collect_system_metrics reads.';

CREATE FOREIGN TABLE metrics.proc_stat (line text) SERVER proc_files
OPTIONS (filename '/proc/stat', format 'csv', delimiter E'\x01', quote E'\x02');

CREATE FOREIGN TABLE metrics.proc_meminfo (line text) SERVER proc_files
OPTIONS (filename '/proc/meminfo', format 'csv', delimiter E'\x01', quote E'\x02');

CREATE FOREIGN TABLE metrics.proc_loadavg (line text) SERVER proc_files
OPTIONS (filename '/proc/loadavg', format 'csv', delimiter E'\x01', quote E'\x02');

CREATE FOREIGN TABLE metrics.proc_vmstat (line text) SERVER proc_files
OPTIONS (filename '/proc/vmstat', format 'csv', delimiter E'\x01', quote E'\x02');

CREATE FOREIGN TABLE metrics.proc_net_dev (line text) SERVER proc_files
OPTIONS (filename '/proc/net/dev', format 'csv', delimiter E'\x01', quote E'\x02');

COMMENT ON FOREIGN TABLE metrics.proc_stat IS 'CPU time; of the host, also in a container.';
COMMENT ON FOREIGN TABLE metrics.proc_meminfo IS 'Memory; of the host, also in a container.';
COMMENT ON FOREIGN TABLE metrics.proc_loadavg IS 'Load average; of the host, also in a container.';
COMMENT ON FOREIGN TABLE metrics.proc_vmstat IS 'Paging, which counts all block I/O; of the host, also in a container.';
COMMENT ON FOREIGN TABLE metrics.proc_net_dev IS 'Network interfaces of the container.';

-- migrate:down
DROP FOREIGN TABLE metrics.proc_net_dev;
DROP FOREIGN TABLE metrics.proc_vmstat;
DROP FOREIGN TABLE metrics.proc_loadavg;
DROP FOREIGN TABLE metrics.proc_meminfo;
DROP FOREIGN TABLE metrics.proc_stat;
DROP SERVER proc_files;
