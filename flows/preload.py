"""What a worker's process imports as it starts, not with its first batch: named in flows/dask.yaml."""

from restyle.importing import uncollected

with uncollected():
    from prefect.plugins import load_prefect_collections

    import flows.stylize_video  # noqa: F401  (each batch brings its flow along)

    load_prefect_collections()  # with the first task, Prefect would
