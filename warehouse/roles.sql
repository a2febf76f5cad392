-- The three roles that serve. None owns a table or passes row security; the owner
-- (who runs migrations and dbt) may assume them. Cluster-wide, so outside migrations.

do $$
declare
    serving text;
begin
    foreach serving in array array['hmc_ingest', 'hmc_api', 'hmc_analyst'] loop
        begin
            execute format('create role %I nosuperuser nobypassrls', serving);
        exception when duplicate_object or unique_violation then
            null;
        end;
        begin
            execute format('grant %I to current_user', serving);
        exception when insufficient_privilege or invalid_grant_operation then
            null;
        end;
    end loop;
end
$$;

-- What analysts' own logins are: they read as hmc_analyst does and cannot become it,
-- because it reads whatever workspace is set. The owner is none of them: policies
-- for them would bind it.
do $$
begin
    create role hmc_analyst_login nologin nosuperuser nobypassrls;
exception when duplicate_object or unique_violation then
    null;
end;
$$;
grant hmc_analyst to hmc_analyst_login with inherit true, set false;
