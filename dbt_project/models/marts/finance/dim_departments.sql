-- One row per department or shared pool that a workspace has or had.

with

source as (

    select * from {{ source('directory', 'departments') }}

),

named as (

    select
        workspace_id,
        department_id,
        kind,
        name,
        opened_on,
        retired_on

    from source

)

select * from named
