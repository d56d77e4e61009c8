"""Every indicator worked out again from the encounters' JSON, with plain loops and none of the service's code."""

import math
from collections import defaultdict
from datetime import datetime
from typing import Any

Encounter = dict[str, Any]
MINUTES = {"time_to_first_shock", "stemi_scene_to_ecg", "response_time"}


def tally(encounters: list[Encounter], first: str, after: str) -> dict[str, dict[str, Any]]:
    """For days from `first` to before `after`: numerator, denominator, excluded, unknown and times by indicator."""
    sums: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"met": 0, "not": 0, "excluded": 0, "unknown": 0, "times": []}
    )
    for e in encounters:
        if not first <= e["day"] < after or e["status"] not in ("completed", "handed_over"):
            continue
        for name, verdict in verdicts(e).items():
            if isinstance(verdict, float):
                sums[name]["times"].append(verdict)
            else:
                sums[name][verdict] += 1
    return {name: figures(name, one) for name, one in sums.items()}


def figures(name: str, one: dict[str, Any]) -> dict[str, Any]:
    if name in MINUTES:
        times = sorted(one["times"])
        middle = times[math.ceil(len(times) * 0.5) - 1] if times else None
        top = times[math.ceil(len(times) * 0.9) - 1] if times else None
        return {
            "numerator": len(times),
            "denominator": len(times),
            "value": middle,
            "p90": top,
            "excluded": one["excluded"],
            "unknown": one["unknown"],
        }
    total = one["met"] + one["not"]
    return {
        "numerator": one["met"],
        "denominator": total,
        "value": one["met"] / total if total else None,
        "p90": None,
        "excluded": one["excluded"],
        "unknown": one["unknown"],
    }


def verdicts(e: Encounter) -> dict[str, Any]:
    found: dict[str, Any] = {}
    arrest_verdicts(e, found)
    stemi_verdicts(e, found)
    stroke_verdicts(e, found)
    hospital_verdicts(e, found)
    if e["response"] == "emergency":
        breathing_verdicts(e, found)
        drug_verdicts(e, found)
        trauma_verdicts(e, found)
        system_verdicts(e, found)
    return found


def arrest_verdicts(e: Encounter, found: dict[str, Any]) -> None:
    a = e["arrest"]
    if a is None or a["resuscitation_attempted"] is not True:
        return
    shockable = a["initial_rhythm"] in ("vf", "pulseless_vt", "shockable_unknown")
    accident = a["aetiology"] in ("trauma", "overdose", "drowning")
    hopeless = a["dnar"] is True or a["recognised_dead"] is True
    rosc = a["rosc_at_handover"]
    if rosc is None and a["rosc"] is False:
        rosc = False
    found["rosc_at_hospital"] = "excluded" if hopeless or accident else yes(rosc)
    if shockable and a["aetiology"] in (None, "presumed_cardiac"):
        child = e["age_years"] in range(18)
        if a["witnessed"] != "unwitnessed" and not child:
            if hopeless or a["witnessed"] == "ems":
                found["rosc_utstein"] = "excluded"
            elif a["witnessed"] is None or e["age_years"] is None:
                found["rosc_utstein"] = "unknown"
            else:
                found["rosc_utstein"] = yes(rosc)
    found["rosc_survival"] = yes(a["survived_to_discharge"])
    if shockable and not accident and a["witnessed"] != "unwitnessed":
        found["survival_utstein"] = "unknown" if a["witnessed"] is None else yes(a["survived_to_discharge"])
    if a["survived_to_discharge"] is True:
        found["good_neuro_outcome"] = yes(None if a["cpc"] is None else a["cpc"] in (1, 2))
    if not accident:
        found["bystander_cpr"] = "excluded" if a["witnessed"] == "ems" else yes(a["bystander_cpr"])
    if shockable:
        minutes = "excluded" if a["witnessed"] == "ems" else gap(e["times"].get("on_scene"), a["first_shock_at"])
        found["time_to_first_shock"] = minutes


def hospital_verdicts(e: Encounter, found: dict[str, Any]) -> None:
    report = e["hospital"] or {}
    a = e["arrest"]
    if a is not None and a["resuscitation_attempted"] is True:
        found["survival_30_days"] = yes(report.get("alive_at_30_days"))
        alive = a["survived_to_discharge"] is True or report.get("alive_at_30_days") is True
        if report and alive:
            found["good_mrs_outcome"] = yes(None if report["mrs"] is None else report["mrs"] in range(4))
    severity = report.get("injury_severity_score")
    if severity is None or not e["transported"]:
        return
    where = e["destination_type"]
    if severity > 15:
        found["trauma_undertriage"] = yes(None if where is None else where != "trauma_centre")
    if where == "trauma_centre":
        found["trauma_overtriage"] = yes(severity <= 15)


def stemi_verdicts(e: Encounter, found: dict[str, Any]) -> None:
    if "stemi" not in e["conditions"] and not coded(e, "I21.0", "I21.1", "I21.2", "I21.3"):
        return
    scores = values(e, "pain")
    out = is_unconscious(e)
    good, excused = 0, 0
    for drug in ("aspirin", "gtn"):
        if was_done(e["medications"], drug):
            good += 1
        elif was_refused(e["medications"], drug):
            excused += 1
    if len(scores) >= 2:
        good += 1
    elif out:
        excused += 1
    if was_done(e["medications"], "analgesic"):
        good += 1
    elif was_refused(e["medications"], "analgesic") or out or (scores and scores[0] == 0):
        excused += 1
    if excused == 4:
        found["stemi_care_bundle"] = "excluded"
    else:
        found["stemi_care_bundle"] = "met" if good + excused == 4 else "not"
    ecgs = [p["at"] for p in e["procedures"] if p["kind"] == "ecg_12_lead" and p["not_done_reason"] is None and p["at"]]
    found["stemi_scene_to_ecg"] = gap(e["times"].get("on_scene"), min(ecgs) if ecgs else None)
    found["stemi_prealert"] = "excluded" if e["transported"] is False else yes(e["prealert"])


def stroke_verdicts(e: Encounter, found: dict[str, Any]) -> None:
    s = e["stroke"]
    tia = coded(e, "G45") and not all(code.startswith("G45.4") for code in e["impressions"] if code.startswith("G45"))
    if not (s and s["suspected"]) and not tia and not coded(e, "I60", "I61", "I63", "I64"):
        return
    if is_unconscious(e) or coded(e, "S06"):
        found["stroke_diagnostic_bundle"] = "excluded"
    else:
        fast = s["fast_assessed"] is True if s else has(e, "fast")
        found["stroke_diagnostic_bundle"] = "met" if fast and has(e, "glucose", "systolic", "diastolic") else "not"
    found["stroke_lkw"] = "met" if s and s["last_known_well_recorded"] else "not"


def breathing_verdicts(e: Encounter, found: dict[str, Any]) -> None:
    tubes = [
        p
        for p in e["procedures"]
        if p["kind"] == "advanced_airway" and p["not_done_reason"] is None and p["successful"]
    ]
    if tubes:
        if any(p["at"] is None for p in tubes):
            found["airway_capnography"] = "unknown"
        else:
            last = max(p["at"] for p in tubes)
            to_mmhg = {"mm[Hg]": 1.0, "kPa": 7.50062, "%": 7.6}
            wave = any(
                v["kind"] == "etco2" and v["at"] and v["at"] >= last and float(v["value"]) * to_mmhg[v["unit"]] >= 5
                for v in e["vitals"]
            )
            found["airway_capnography"] = "met" if wave else "not"
    if e["newborn"] is not True and values(e, "spo2") and min(values(e, "spo2")) < 90:
        both = e["medications"] + e["procedures"]
        if was_done(both, "oxygen"):
            found["hypoxia_oxygen"] = "met"
        else:
            found["hypoxia_oxygen"] = "excluded" if was_refused(both, "oxygen") else "not"
    if coded(e, "J44", "J45", "J46", "J80", "J81", "J96", "J98.01", "R06.0"):
        found["resp_assessment"] = "met" if has(e, "spo2", "respiratory_rate") else "not"


def drug_verdicts(e: Encounter, found: dict[str, Any]) -> None:
    sugar = [
        float(v["value"]) * (18.0156 if v["unit"] == "mmol/L" else 1) for v in e["vitals"] if v["kind"] == "glucose"
    ]
    levels = [v["text"] for v in e["vitals"] if v["kind"] == "avpu"]
    dazed = any(score < 15 for score in values(e, "gcs")) or any(level != "alert" for level in levels)
    if sugar and min(sugar) < 60 and dazed and e["newborn"] is not True:
        fed = was_done(e["medications"], "glucose") or was_done(e["medications"], "glucagon")
        found["hypoglycaemia_treated"] = "met" if fed or was_done(e["procedures"], "oral_glucose") else "not"
    for name, codes, drug in (
        ("seizure_benzo", ("G41", "G40.901"), "benzodiazepine"),
        ("asthma_beta_agonist", ("J45", "J46", "J98.01"), "beta_agonist"),
    ):
        if coded(e, *codes):
            if e["age_years"] is None:
                found[name] = "unknown"
            elif e["age_years"] >= 2:
                found[name] = "met" if was_done(e["medications"], drug) else "not"
    if coded(e, "R55", "R40.4"):
        found["syncope_ecg"] = "met" if was_done(e["procedures"], "ecg_12_lead") else "not"


def trauma_verdicts(e: Encounter, found: dict[str, Any]) -> None:
    hurt = (
        e["injury"] if e["injury"] is not None else any(c[0] == "S" or c[:2] in ("T0", "T1") for c in e["impressions"])
    )
    if hurt and e["transported"]:
        scores = values(e, "pain")
        if scores and max(scores) > 0:
            found["trauma_pain_improved"] = "met" if scores[-1] < max(scores) else "not"
        found["trauma_vitals"] = "met" if has(e, "gcs", "systolic", "respiratory_rate") else "not"


def system_verdicts(e: Encounter, found: dict[str, Any]) -> None:
    was_left = e.get("outcome") in (None, "refused", "treated_and_released", "no_treatment_needed")
    if e["transported"] is False and was_left and e["arrest"] is None:
        signs = has(e, "systolic", "diastolic", "heart_rate", "respiratory_rate", "spo2")
        found["nontransport_vitals"] = "met" if signs and (has(e, "gcs") or has(e, "avpu")) else "not"
    if e["transported"]:
        found["no_lights_sirens"] = yes(None if e["lights_and_sirens"] is None else not e["lights_and_sirens"])
    found["response_time"] = gap(e["times"].get("call"), e["times"].get("on_scene"))


def yes(answer: bool | None) -> str:
    return {True: "met", False: "not", None: "unknown"}[answer]


def gap(start: str | None, end: str | None) -> Any:
    """Minutes to one decimal, `unknown` without both ends, `excluded` if it ran backwards."""
    if start is None or end is None:
        return "unknown"
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return "excluded" if seconds < 0 else round(seconds / 6) / 10


def coded(e: Encounter, *codes: str) -> bool:
    return any(impression.startswith(code) for impression in e["impressions"] for code in codes)


def values(e: Encounter, kind: str) -> list[float]:
    found = [(v["at"] or "", float(v["value"])) for v in e["vitals"] if v["kind"] == kind]
    found.sort(key=lambda pair: pair[0])
    return [value for _, value in found]


def has(e: Encounter, *kinds: str) -> bool:
    present = {v["kind"] for v in e["vitals"]}
    return all(kind in present for kind in kinds)


def is_unconscious(e: Encounter) -> bool:
    scores = values(e, "gcs")
    levels = [v["text"] for v in e["vitals"] if v["kind"] == "avpu"]
    return (bool(scores) and all(score <= 8 for score in scores)) or (
        bool(levels) and all(level in ("pain", "unresponsive") for level in levels)
    )


def was_done(acts: list[dict[str, Any]], kind: str) -> bool:
    return any(act["kind"] == kind and act["not_done_reason"] is None for act in acts)


def was_refused(acts: list[dict[str, Any]], kind: str) -> bool:
    return any(act["kind"] == kind and act["not_done_reason"] in ("refused", "contraindicated") for act in acts)
