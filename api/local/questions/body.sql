-- At most one row: what the daemon captured of a call, redacted by the daemon.

select
    bodies.request_id as call_id,
    bodies.request_body,
    bodies.response_body,
    whole(bodies.request_body_bytes) as request_body_bytes,
    whole(bodies.response_body_bytes) as response_body_bytes,
    bodies.request_content_type,
    bodies.response_content_type,
    coalesce(try_cast(bodies.request_truncated as boolean), false)
        as request_truncated,
    coalesce(try_cast(bodies.response_truncated as boolean), false)
        as response_truncated,
    coalesce(try_cast(bodies.streaming_incomplete as boolean), false)
        as streaming_incomplete,
    coalesce(try_cast(bodies.redaction_applied as boolean), false)
        as redaction_applied,
    bodies.capture_error,
    bodies.redaction_summary,
    moment(bodies.captured_at) as captured_at

from daemon_request_bodies as bodies

where bodies.request_id = $call_id
