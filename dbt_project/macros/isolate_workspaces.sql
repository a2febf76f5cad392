{# Row security is part of the build: a table that readers can reach without it shows
   every workspace to everyone, and a rebuilt table starts without it. The owner
   needs a policy too, because FORCE binds even the role that builds. An analyst's own
   login reads the workspace that it was granted, whatever it sets. #}

{% macro isolate_workspaces(relation) %}
    alter table {{ relation }} enable row level security;
    alter table {{ relation }} force row level security;
    create policy workspace_isolation on {{ relation }} for select using (
        workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
    );
    create policy login_reads_its_workspace on {{ relation }} for select
    to hmc_analyst_login using (workspace_id = (select app.workspace_of_login()));
    create policy login_reads_no_other on {{ relation }} as restrictive for select
    to hmc_analyst_login using (workspace_id = (select app.workspace_of_login()));
    create policy owner_builds on {{ relation }} to current_user using (true);
{% endmacro %}
