"""Writes config/config.yaml and workflow/schemas/config.schema.json from the keys: `make schema`."""

from pathlib import Path

from mdc.config.documents import config_text, json_schema_text

PROJECT = Path(__file__).parents[3]

if __name__ == "__main__":
    (PROJECT / "config/config.yaml").write_text(config_text(), encoding="utf-8")
    (PROJECT / "workflow/schemas/config.schema.json").write_text(json_schema_text(), encoding="utf-8")
