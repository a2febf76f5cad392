{# Row security is part of the build: a table that readers can reach without it shows
   every workspace to everyone, and a rebuilt table starts without it. The owner
   needs a policy too, because FORCE binds even the role that builds. #}

{% macro isolate_workspaces(relation) %}
    alter table {{ relation }} enable row level security;
    alter table {{ relation }} force row level security;
    create policy workspace_isolation on {{ relation }} for select using (
        workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
    );
    create policy owner_builds on {{ relation }} to current_user using (true);
{% endmacro %}
