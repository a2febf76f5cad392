{# dbt commits each model by itself, so readers would see one mart rebuilt and the
   next one not. This materialization prepares a mart's rows beside it and leaves the
   statements that make them live in pending.publications; the rebuild runs those of
   all marts in one transaction, with the crossing-off of the ledger.

   Full refresh: a whole new table, with keys, indexes, grants and row security set
   before anyone can read it, that takes the old one's place.
   Otherwise, as `published_by` says:
     replacing  every unit that `units` lists is deleted and inserted whole
     adding     rows are entries, summed onto the row with the same key; a row that
                no request stands behind any more goes; what `anew` lists by the
                columns `anew_by` is emptied first

   A mart that holds no rows of its own is a `published_view`: made in the transaction
   that makes the tables which it reads, and gone with them in between. It is read with
   the reader's rights, so that row security holds under it. #}

{% materialization published, adapter='postgres' %}
    {%- set pending = this.incorporate(path={'schema': 'pending'}, type='table') -%}
    {%- set keys = model.constraints | selectattr('type', 'in', ['primary_key', 'unique']) | list -%}
    {%- set whole = flags.FULL_REFRESH -%}

    {{ run_hooks(pre_hooks) }}
    {%- if whole -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}

    {%- call statement('drop_pending') -%}
        drop table if exists {{ pending }}
    {%- endcall -%}

    {%- call statement('main') -%}
        create {{ '' if whole else 'unlogged' }} table {{ pending }} as (
            {{ sql }}
        )
    {%- endcall -%}

    {%- set columns = adapter.get_columns_in_relation(pending) | map(attribute='quoted') | list -%}
    {%- if whole -%}
        {%- call statement('complete') -%}
            {{ complete_mart(pending, keys) }}
        {%- endcall -%}
        {%- do apply_grants(pending, config.get('grants'), should_revoke=False) -%}
        {%- set statements = [
            'drop table if exists ' ~ this ~ ' cascade',
            'alter table ' ~ pending ~ ' set schema ' ~ this.schema,
        ] -%}
    {%- elif config.require('published_by') == 'replacing' -%}
        {%- set unit = config.require('unit') | join(', ') -%}
        {%- set units = ref(config.require('units')) -%}
        {%- set statements = [
            'delete from ' ~ this ~ ' where (' ~ unit ~ ') in (select ' ~ unit ~ ' from ' ~ units ~ ')',
            'insert into ' ~ this ~ ' (' ~ columns | join(', ') ~ ') select ' ~ columns | join(', ') ~ ' from ' ~ pending,
        ] -%}
    {%- else -%}
        {%- set statements = [adding(pending, columns, config.require('key'))] -%}
        {%- if config.get('anew') -%}
            {%- set unit = config.require('anew_by') | join(', ') -%}
            {%- do statements.insert(0,
                'delete from ' ~ this ~ ' where (' ~ unit ~ ') in (select ' ~ unit ~ ' from ' ~ ref(config.get('anew')) ~ ')'
            ) -%}
        {%- endif -%}
    {%- endif -%}

    {%- call statement('publication') -%}
        delete from pending.publications where mart = '{{ this.identifier }}';
        {% for statement in statements %}
        insert into pending.publications (mart, statement)
        values ('{{ this.identifier }}', $publication${{ statement }}$publication$);
        {% endfor %}
    {%- endcall -%}

    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [this]}) }}
{% endmaterialization %}


{% materialization published_view, adapter='postgres' %}
    {{ run_hooks(pre_hooks) }}
    {%- set statements = [
        'create view ' ~ this ~ ' with (security_invoker = true) as ' ~ sql,
        'grant select on ' ~ this ~ ' to ' ~ config.get('grants').select | join(', '),
    ] -%}
    {%- call statement('main') -%}
        delete from pending.publications where mart = '{{ this.identifier }}';
        insert into pending.publications (mart, statement)
        values ('{{ this.identifier }}', 'drop view if exists {{ this }} cascade');
        {% for statement in statements %}
        insert into pending.publications (mart, statement)
        values ('{{ this.identifier }}', $publication${{ statement }}$publication$);
        {% endfor %}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [this]}) }}
{% endmaterialization %}


{% macro complete_mart(relation, keys) %}
    {#- All at once: each statement of its own would read the whole table. #}
    {%- set promised = namespace(columns=[]) %}
    {%- for column in model.columns.values() %}
    {%- if column.constraints | selectattr('type', 'equalto', 'not_null') | list %}
    {%- set promised.columns = promised.columns + ['alter column ' ~ column.name ~ ' set not null'] %}
    {%- endif %}
    {%- endfor %}
    {%- if promised.columns %}
    alter table {{ relation }} {{ promised.columns | join(', ') }};
    {%- endif %}
    {%- for key in keys if key.type == 'primary_key' %}
    alter table {{ relation }} add primary key ({{ key.columns | join(', ') }});
    {%- endfor %}
    {%- for index in config.get('published_indexes', []) %}
    create {{ 'unique' if index.unique }} index on {{ relation }}
    ({{ index.columns | join(', ') }}) {{ 'nulls not distinct' if index.unique }}
    {{ 'where ' ~ index.where if index.where }};
    {%- endfor %}
    alter table {{ relation }} set (fillfactor = {{ config.get('fillfactor', 100) }});
    {{ isolate_workspaces(relation) }}
    analyze {{ relation }};
{% endmacro %}


{% macro adding(pending, columns, key) %}
    {%- set sums = columns | map('replace', '"', '') | reject('in', key) | list -%}
    insert into {{ this }} as standing ({{ columns | join(', ') }})
    select {{ columns | join(', ') }} from {{ pending }}
    order by {{ key | join(', ') }}
    on conflict ({{ key | join(', ') }}) do update set
    {%- for sum in sums %}
        {{ sum }} = standing.{{ sum }} + excluded.{{ sum }}{{ ',' if not loop.last }}
    {%- endfor %};
    delete from {{ this }} as standing using {{ pending }} as entries
    where standing.request_count = 0
    {%- for column in key %}
        and standing.{{ column }} is not distinct from entries.{{ column }}
    {%- endfor %}
{% endmacro %}
