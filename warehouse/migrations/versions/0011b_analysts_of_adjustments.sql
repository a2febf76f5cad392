-- A reconciliation reads the journal of adjustments with the reader's rights. A login is
-- bound to its workspace by its name, as on every mart, whatever it sets.
create policy login_reads_its_workspace on raw.adjustments for select
to hmc_analyst_login using (workspace_id = (select app.workspace_of_login()));
create policy login_reads_no_other on raw.adjustments as restrictive for select
to hmc_analyst_login using (workspace_id = (select app.workspace_of_login()));
grant select on raw.adjustments to hmc_analyst;
