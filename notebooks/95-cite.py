# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How to cite
#
# Please cite the book, and the sources it rests on: {cite:t}`hinton2022` for the algorithm,
# {cite:t}`shirahama2026` for the study it replicates, and {cite:t}`brenig2023` for learning without labels.

# %% tags=["parameters", "remove-cell"]
profile = "paper"  # the same at every scale
train = "never"  # this page trains nothing

# %% tags=["remove-input"]
import yaml

from ff_utils.files import project_folder
from ff_utils.studies import collecting

collecting.check_parameters(profile, train)
text = (project_folder() / "CITATION.cff").read_text(encoding="utf-8")
book = yaml.safe_load(text)
names = " and ".join(
    f"{author['family-names']}, {author['given-names']}"
    if "family-names" in author
    else "{" + author["name"] + "}"
    for author in book["authors"]
)
print(f"""@software{{forward_forward_book,
  title   = {{{book["title"]}}},
  author  = {{{names}}},
  year    = {{{book["date-released"].year}}},
  version = {{{book["version"]}}},
}}""")

# %% [markdown]
# The entry is made from the file `CITATION.cff`, which other tools read as well:

# %% tags=["remove-input"]
print(text)

# %% [markdown]
# A single number is best cited with its run. The {doc}`run catalogue <99-runs>` names each, and the command that
# trains it.
