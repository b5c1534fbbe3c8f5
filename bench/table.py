"""Print the README's table: clips of one person against references by another.

python bench/table.py ../shared/clips
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from posesim import Embedder, Reference, compare

# By exercise: the reference, and a user who is another person.
PAIRS = {
    "push-up": ("push_up__aisc_C__side", "push_up__kg_puB__side"),
    "pull-up": ("pull_up__kg_plB__front", "pull_up__kg_plA__front"),
    "squat": ("barbell_squat__kg_sqC__oblique", "barbell_squat__kg_sqF__back_oblique"),
    "sit-up": ("sit_up__wanshape_A__side", "sit_up__posetest_G__side"),
    "jumping jack": ("jumping_jack__wanshape_A__front", "jumping_jack__cesta_B__oblique"),
}


def main() -> None:
    """Compare every user with every reference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    embedder = Embedder.open()
    references = {
        exercise: Reference.from_video(folder / f"{clip}.mp4", embedder, name=exercise)
        for exercise, (clip, _) in tqdm(PAIRS.items(), desc="references")
    }
    print("| user \\ reference |", " | ".join(references), "|")
    print("|---|" + "---|" * len(references))
    for exercise, (_, clip) in tqdm(PAIRS.items(), desc="users"):
        cells = []
        for reference in references.values():
            summary = compare(folder / f"{clip}.mp4", reference, embedder).summary
            cells.append(summary.state if summary.score is None else f"{summary.score:.0f}")
        print(f"| {exercise} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
