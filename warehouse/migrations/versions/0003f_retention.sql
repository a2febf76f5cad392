-- Null: as long as models/plans.toml says.
alter table app.workspaces
add column data_retention_days integer
check (data_retention_days between 1 and 3650);
grant update (data_retention_days) on app.workspaces to hmc_api;
