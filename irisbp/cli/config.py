"""`irisbp config`: look at a config, or have it checked."""

from irisbp.cli.arguments import ConfigArguments
from irisbp.cli.deferred import new_app

app = new_app(help="Show a config in full, or check it.")


@app.command("show", short_help="Print the complete config.")
def show(arguments: ConfigArguments = None) -> None:
    """Print the complete config: defaults, then the file, then the overrides."""
    from irisbp.config.load import load_config, split_arguments, to_yaml

    print(to_yaml(load_config(*split_arguments(arguments or []))), end="")


@app.command("validate", short_help="List every problem in a config.")
def validate(arguments: ConfigArguments = None) -> None:
    """Check a config: every problem in it with its place, or one line that there is none."""
    from irisbp.config.load import load_config, split_arguments
    from irisbp.errors import literal

    path, overrides = split_arguments(arguments or [])
    load_config(path, overrides)
    print(f"{literal(str(path or 'the article'))}: valid")
