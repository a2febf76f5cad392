-- When each source from outside last brought this workspace something.

select
    'raw.requests' as source,
    max(last_batch_at) as newest_at
from app.machines

union all

select
    'raw.pricing_rates' as source,
    max(known_from) as newest_at
from raw.pricing_rates

union all

select
    'raw.billing_documents' as source,
    max(entered_at) as newest_at
from raw.billing_documents

order by source asc
