-- What a daemon compares is on the axis of its own cursor. It sends in that order, so a
-- few blocks hold a stretch of one machine: a megabyte of index for two million rows.
create index requests_recorded on raw.requests using brin (
    machine_id uuid_minmax_multi_ops,
    recorded_at timestamptz_minmax_multi_ops
) with (pages_per_range = 16, autosummarize = on);
