# cams: one localization map per block and tagged class, stored raw (paper 3.2).
# Needs:    the trained classifier, or another method's maps (`cams.external_maps`).
# Produces: cams/<classifier>/seed<seed>/<maps>/<split>.<shard>-of-<shards>.h5, described in mdc/cams/files.py. <maps> is
#           main, or the variant whose section `cams` differs.


rule cams:
    """The localization maps of train, val and whatever else the run makes them of."""
    input:
        [
            path
            for network in PLAN.networks()
            for split in ("train", "val")
            for path in PLAN.shards_and_list(PLAN.maps(str(network), split), ".h5")
        ],
        PLAN.every_map("cams"),


if CONFIG.cams.external_maps:

    rule link_cams:
        """Check another method's maps and take them over."""
        input:
            external=lambda wildcards: CONFIG.cams.external_maps.replace("{split}", wildcards.split),
            split_csv="<run>/data/{split}.csv",
            classes="<run>/data/classes.txt",
        output:
            cams="<run>/cams/<network>/{maps}/{split}.<shard>.h5",
        log:
            "<run>/logs/link_cams/<network>/{maps}/{split}.<shard>.log",
        benchmark:
            "<run>/benchmarks/link_cams/<network>/{maps}/{split}.<shard>.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 1
        resources:
            mem_mb=per_attempt(4000),
            runtime=per_attempt(60),
        params:
            code=fingerprint("link_cams"),
            dilations=lambda wildcards: CONFIG.dilations(wildcards.classifier),
        script:
            "../scripts/link_cams.py"

else:

    rule dump_cams:
        """Store the class activation maps of a shard of the images."""
        input:
            split_csv="<run>/data/{split}.csv",
            weights=lambda wildcards: PLAN.cams_weights(network_of(wildcards), wildcards.maps),
        output:
            cams="<run>/cams/<network>/{maps}/{split}.<shard>.h5",
        log:
            "<run>/logs/dump_cams/<network>/{maps}/{split}.<shard>.log",
        benchmark:
            "<run>/benchmarks/dump_cams/<network>/{maps}/{split}.<shard>.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 4
        resources:
            mem_mb=per_attempt(8000),
            runtime=per_attempt(120),
            gpu=GPU,
            device=CONFIG.device,
        params:
            code=fingerprint("dump_cams", encoder="classifier"),
            settings=lambda wildcards: parameters.maps_settings(CONFIG, wildcards.maps),
        script:
            "../scripts/dump_cams.py"
