"""`python -m mlcore VERB …`: train, score, extract, evaluate, on plain folders and CSV files.

Exit status 0 when it is done, 2 for what can't be done as it was asked, 130 when it was interrupted.
"""

import importlib
import sys

# A verb is imported when it is asked for, so that help doesn't wait for torch.
VERBS = {
    "train": "learn from graded photographs, and write an artifact",
    "score": "score photographs with an artifact, and write a table",
    "extract": "compute features beforehand, so that trainings are quick",
    "evaluate": "hold scores against grades: an artifact's, a table's, or by cross-validation",
}


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] in VERBS:
        status: int = importlib.import_module(f"mlcore.commands.{arguments[0]}").main(arguments[1:])
        return status
    asked_for_help = bool(arguments) and arguments[0] in {"-h", "--help"}
    print(usage(), file=sys.stdout if asked_for_help else sys.stderr)
    return 0 if asked_for_help else 2


def usage() -> str:
    lines = [f"  {verb:9} {what}" for verb, what in VERBS.items()]
    return "\n".join(["usage: python -m mlcore VERB …   (VERB --help says more)", *lines])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
