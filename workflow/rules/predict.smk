# predict: the trained segmenter on a folder of new photos, which need no tags (config section `predict`).
# Needs:    a trained segmenter, of the first classifier and the first seed, and the folder.
# Produces: predict/photos.csv; predict/<classifier>/seed<seed>/<setting>/ with masks/<id>.png, overlays/<id>.jpg and
#           areas.csv (a row per photo and class). Another folder takes their place.


rule predict:
    """Masks, overlays and areas of the photos in predict.photos."""
    input:
        lambda wildcards: f"{RESULTS}/predict/{segmenter_to_use('predict', config['predict']['setting'])}/areas.csv",


rule list_photos:
    """Check all new photos, before anything is trained, and list them."""
    output:
        table=f"{RESULTS}/predict/photos.csv",
    log:
        f"{RESULTS}/logs/list_photos.log",
    benchmark:
        f"{RESULTS}/benchmarks/list_photos.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("list_photos"),
        root=lambda wildcards: photos_to_predict(),
        besides=lambda wildcards: "results",
        # instead of the photos as inputs: a job graph must not grow with their number
        digest=lambda wildcards: photos_digest(Path(photos_to_predict()), besides=Path("results")),
    script:
        "../scripts/list_photos.py"


rule predict_photos:
    """Write masks, overlays and areas of the new photos."""
    input:
        photos=f"{RESULTS}/predict/photos.csv",
        weights=f"{RESULTS}/segmenter/{BY_NETWORK}/{{setting}}/weights.pt",
    output:
        areas=f"{RESULTS}/predict/{BY_NETWORK}/{{setting}}/areas.csv",
        # folders, so that no mask stays of a photo that has left
        masks=directory(f"{RESULTS}/predict/{BY_NETWORK}/{{setting}}/masks"),
        overlays=directory(f"{RESULTS}/predict/{BY_NETWORK}/{{setting}}/overlays"),
    log:
        f"{RESULTS}/logs/predict_photos/{BY_NETWORK}/{{setting}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict_photos/{BY_NETWORK}/{{setting}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(120),
        gpu=GPU,
        device=config["device"],
    params:
        code=fingerprint("predict_photos"),
        crf=config["crf"] if config["predict"]["crf"] else None,
    script:
        "../scripts/predict_photos.py"
