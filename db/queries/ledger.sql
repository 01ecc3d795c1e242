-- What became of the lines of each raw file?
--
-- One row a file, the last loaded first: lines = stored + duplicates + conflicts + rejected. The file is loaded up to
-- byte `bytes`; what it has beyond that is pending, which only the collector can see: `sluice verify`, and
-- `pending_bytes` in /ready. Needs the right to read bronze, which sluice_reader has not.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::timestamptz AS since, -- only files that were loaded since then; NULL: all
    false::boolean AS only_troubled -- true: only files with conflicts or rejected lines
)
SELECT f.collector, f.path, f.bytes, f.lines, f.stored, f.duplicates, f.conflicts, f.rejected, f.newest, f.loaded_at
FROM params p
JOIN bronze.raw_file f
  ON (p.since IS NULL OR f.loaded_at >= p.since) AND (NOT p.only_troubled OR f.conflicts > 0 OR f.rejected > 0)
ORDER BY f.loaded_at DESC, f.collector, f.path;
