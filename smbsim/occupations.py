r"""What people know: ten skill domains, and what the tables of occupations say about them by sector.

The tables describe occupations in O*NET's groups of skills; digital skills of small firms are asked for in ten domains. The bridge is an
assumption, made once and here:

    general_gk = Σ_o B_ko level_go                          B rows sum to 1; level of group o in sector g, 0..1 of the O*NET scale
    level_gk   = (1 - e_gk) general_gk + e_gk EXPERT         e share of staff in the domain's own occupations
    need_gk    ∝ (1 - e_gk) Σ_o B_ko importance_go + e_gk    sum over the ten domains is 1

Reasons for B. Working at a screen (share of tasks that a language model could speed up, Eloundou et al. 2023) stands for digital literacy
next to reading and writing; problem solving, the analysis of systems and programming for data; social skills for customers and, with the
process skills, for working together; active learning, which O*NET files under process, for adapting; managing resources for business
intelligence; technical skills (operating, maintaining, checking) for automating a process. Programming is published as a level only,
which stands for its importance.
The spare domain is a skill that nobody knows yet: level and need 0.

Ω says how much each domain counts in each business function; rows sum to 1. It is an assumption: what a practitioner would name first.

Sources: O*NET skills by occupation and OEWS May 2024 staffing (skill_profiles.csv, occupation_shares.csv), Eloundou et al. (2023) for
exposure (ai_exposure.csv); MODEL.md M8 for the domains.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .tables import Table

DOMAINS = {
    "DL": "digital literacy", "DA": "data analysis", "CX": "customer experience", "AD": "adaptability", "CO": "collaboration",
    "BI": "business intelligence", "DM": "digital marketing", "CS": "cyber security", "PA": "process automation", "CL": "cloud services",
}  # fmt: skip
SPARE = len(DOMAINS)  # row of the domain that is not known yet
N_DOMAINS = len(DOMAINS) + 1
DL, DA, CX, AD, CO, BI, DM, CS, PA, CL = range(SPARE)
GATED = (DA, BI, DM, CS, PA, CL)  # learned only as far as digital literacy reaches; MODEL.md M8
TECHNICAL = (DA, BI, DM, CS, PA, CL, SPARE)  # go out of date faster
HOURS = 1800.0  # h/yr that a head works; OECD, United States 2022: 1 811
EXPERT = 0.8  # level of people in the domain's own occupations, 0..1. Assumption
LEAST_LEVEL, MOST_LEVEL = 0.05, 0.95  # of a firm's profile at rest: keeps logarithms and room to learn. Assumption
EVEN_LEVEL = 0.4  # of every domain where an economy has no tables: the mean of the ten in the US. Assumption

GROUPS = ("basic_content", "basic_process", "complex_problem_solving", "resource_management", "social", "systems", "technical")
PROGRAMMING, SCREEN = len(GROUPS), len(GROUPS) + 1
BRIDGE = {  # B: domain → group → weight
    "DL": {0: 0.5, SCREEN: 0.5},
    "DA": {2: 0.4, 5: 0.3, PROGRAMMING: 0.3},
    "CX": {4: 0.7, 0: 0.3},
    "AD": {1: 0.6, 2: 0.4},
    "CO": {4: 0.6, 1: 0.4},
    "BI": {5: 0.4, 3: 0.3, PROGRAMMING: 0.3},
    "DM": {4: 0.4, SCREEN: 0.4, PROGRAMMING: 0.2},
    "CS": {PROGRAMMING: 0.5, 6: 0.3, 5: 0.2},
    "PA": {6: 0.4, 5: 0.3, PROGRAMMING: 0.3},
    "CL": {PROGRAMMING: 0.6, 5: 0.2, 6: 0.2},
}  # fmt: skip
OWN_OCCUPATIONS = {  # domain → SOC major groups whose people are experts in it
    "BI": ("11-0000", "13-0000"), "DM": ("27-0000", "41-0000"), "CS": ("15-0000",), "PA": ("17-0000", "49-0000"), "CL": ("15-0000",),
    "CX": ("41-0000",), "DA": ("15-0000", "19-0000"),
}  # fmt: skip
COMPETENCE = np.array([  # Ω: rows marketing, sales, service, operations, finance, administration, green; columns DOMAINS and the spare
    # DL   DA    CX    AD    CO    BI    DM    CS    PA    CL   spare
    [0.10, 0.15, 0.25, 0.00, 0.10, 0.00, 0.40, 0.00, 0.00, 0.00, 0.0],
    [0.15, 0.00, 0.35, 0.00, 0.25, 0.10, 0.15, 0.00, 0.00, 0.00, 0.0],
    [0.15, 0.00, 0.40, 0.20, 0.25, 0.00, 0.00, 0.00, 0.00, 0.00, 0.0],
    [0.15, 0.15, 0.00, 0.15, 0.00, 0.10, 0.00, 0.00, 0.35, 0.10, 0.0],
    [0.20, 0.25, 0.00, 0.00, 0.00, 0.35, 0.00, 0.10, 0.10, 0.00, 0.0],
    [0.30, 0.00, 0.00, 0.00, 0.15, 0.00, 0.00, 0.15, 0.25, 0.15, 0.0],
    [0.00, 0.25, 0.00, 0.30, 0.00, 0.20, 0.00, 0.00, 0.25, 0.00, 0.0],
])  # fmt: skip

PROFILES, EXPOSURE, STAFFING = "skill_profiles.csv", "ai_exposure.csv", "occupation_shares.csv"
LEVELS = tuple(f"skill_level_{group}" for group in (*GROUPS, "programming"))
IMPORTANCE = tuple(f"skill_importance_{group}" for group in GROUPS)
AT_SCREEN = "llm_exposure_human_beta"


def read_skills(path: Path, sectors: tuple[str, ...], problems: list[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Level and need of every domain by sector, each (G, 11); None unless all three tables are there. Adds what is wrong to `problems`."""
    if not all((path / file).is_file() for file in (PROFILES, EXPOSURE, STAFFING)):
        return None
    before = len(problems)
    profiles = Table(path / PROFILES, ("sector", *LEVELS, *IMPORTANCE), problems)
    exposure = Table(path / EXPOSURE, ("sector", AT_SCREEN), problems)
    staffing = Table(path / STAFFING, ("sector", "soc_major", "employment_share"), problems)
    if len(problems) > before:
        return None
    for table in (profiles, exposure):
        table.index(sector=None)
        table.require(sectors)
    staffing.index(sector=None, soc_major=None)
    levels = np.stack([profiles.numbers(column, sectors, low=0, high=1) for column in LEVELS], axis=1)
    importance = np.stack([profiles.numbers(column, sectors, low=0, high=1) for column in IMPORTANCE], axis=1)
    screen = exposure.numbers(AT_SCREEN, sectors, low=0, high=1)[:, None]
    majors = tuple(sorted({major for majors in OWN_OCCUPATIONS.values() for major in majors}))
    shares = np.nan_to_num(staffing.numbers("employment_share", sectors, majors, low=0, high=1))  # no row: none of them
    if len(problems) > before:
        return None
    own = np.stack([shares[:, [majors.index(m) for m in OWN_OCCUPATIONS.get(domain, ())]].sum(axis=1) for domain in DOMAINS], axis=1)
    return profile(np.hstack([levels, screen]), np.hstack([importance, levels[:, -1:], screen]), own)


def profile(levels: np.ndarray, importance: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Level and need of the domains, each (G, 11). levels, importance (G, 9) by O*NET group, programming and screen; own (G, 10) shares."""
    bridge = np.zeros((SPARE, levels.shape[1]))
    for k, weights in enumerate(BRIDGE.values()):
        bridge[k, list(weights)] = list(weights.values())
    level = np.clip((1.0 - own) * (levels @ bridge.T) + EXPERT * own, LEAST_LEVEL, MOST_LEVEL)
    need = (1.0 - own) * (importance @ bridge.T) + own
    need /= need.sum(axis=1, keepdims=True)
    none = np.zeros((len(level), 1))
    return np.hstack([level, none]), np.hstack([need, none])


def even(sectors: int) -> tuple[np.ndarray, np.ndarray]:
    """The same level and need of every domain, each (G, 11): for economies without tables."""
    known = np.arange(N_DOMAINS) < SPARE
    return np.tile(EVEN_LEVEL * known, (sectors, 1)), np.tile(known / SPARE, (sectors, 1))
