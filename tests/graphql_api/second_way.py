"""Every indicator worked out again from the encounters' JSON, with plain loops and none of the services' code: neither facts nor tables."""

import math
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

Encounter = dict[str, Any]
MINUTES = {
    *("time_to_first_shock", "stemi_scene_to_ecg", "response_time", "call_to_compressions", "stemi_call_to_door"),
    *("stroke_call_to_door", "response_c1", "response_c2", "response_c3", "response_c4", "response_red_yellow"),
    *("handover_time", "incident_response_time"),
}
DRUGS = {
    **dict.fromkeys(["B01AC06", "1191", "387458008"], "aspirin"),
    **dict.fromkeys(["C01DA02", "4917"], "gtn"),
    **dict.fromkeys(["N02AA01", "7052", "N01AX14"], "analgesic"),
    **dict.fromkeys(["V03AN01", "7806", "24099007"], "oxygen"),
    **dict.fromkeys(["B05BA03", "4850"], "glucose"),
    **dict.fromkeys(["H04AA01", "4832"], "glucagon"),
    **dict.fromkeys(["N05CD08", "6960", "373476007"], "benzodiazepine"),
    **dict.fromkeys(["R03AC02", "435", "R03AL02"], "beta_agonist"),
    **dict.fromkeys(["C01CA24", "R03CC03"], "another"),
    **dict.fromkeys(["7443", "N02"], "unknown"),
}
PROCEDURES = {
    "268400002": "ecg",
    "112798008": "airway",
    "424979004": "airway",
    "57485005": "oxygen",
    "710925007": "food",
    "71388002": "another",
    "78121007": "another",
}
# SNOMED CT impressions, as the ICD-10 code for the same.
SAME = {
    "401303003": "I21.3",
    "230690007": "I64",
    "125605004": "T14.2",
    "267036007": "R06.0",
    "271594007": "R55",
    "410429000": "I46.9",
}
READINGS = {
    "MDC_PULS_OXIM_SAT_O2": "spo2",
    "MDC_PRESS_BLD_NONINV_SYS": "systolic",
    "MDC_PRESS_BLD_NONINV_DIA": "diastolic",
    "MDC_AWAY_CO2_ET": "etco2",
    "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD": "glucose",
    "MDC_TTHOR_RESP_RATE": "respiratory_rate",
}
ABSENT = ("no_patient_found", "cancelled", "dead_on_scene", "care_transferred")


def tally(encounters: list[Encounter], first: str, after: str) -> dict[str, dict[str, Any]]:
    """For days from `first` to before `after`: numerator, denominator, excluded, unknown and times by indicator."""
    sums: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"met": 0, "not": 0, "excluded": 0, "unknown": 0, "times": []}
    )
    done = [e for e in encounters if e["status"] in ("completed", "handed_over")]
    chosen = arrived_first(done)
    for e in done:
        if not first <= e["day"] < after:
            continue
        found = verdicts(e)
        if e["encounter_id"] in chosen:
            found["incident_response_time"] = found["response_time"]
        for name, verdict in found.items():
            if isinstance(verdict, float):
                sums[name]["times"].append(verdict)
            else:
                sums[name][verdict] += 1
    return {name: figures(name, one) for name, one in sums.items()}


def arrived_first(encounters: list[Encounter]) -> set[str]:
    """One emergency of each incident: encounters of one number on days that are at most two apart."""
    ranks: dict[Any, list[tuple[date, str, str]]] = defaultdict(list)
    for e in encounters:
        if e["record"]["care_model"] == "prehospital_emergency":
            at = (e["record"].get("times") or {}).get("on_scene") or "never"
            ranks[e["incident"], e["test"]].append((date.fromisoformat(e["day"]), at, e["encounter_id"]))
    chosen: set[str] = set()
    for crews in ranks.values():
        for day, *rank in crews:
            near = [other for then, *other in crews if abs((then - day).days) <= 2]
            if rank == min(near):
                chosen.add(rank[1])
    return chosen


def figures(name: str, one: dict[str, Any]) -> dict[str, Any]:
    rest = {"excluded": one["excluded"], "unknown": one["unknown"]}
    if name in MINUTES:
        times = sorted(one["times"])
        n = len(times)
        middle, top = (times[math.ceil(n * share) - 1] if n else None for share in (0.5, 0.9))
        mean = math.fsum(times) / n if n else None
        return {"numerator": n, "denominator": n, "value": middle, "p90": top, "mean": mean} | rest
    total = one["met"] + one["not"]
    value = one["met"] / total if total else None
    return {"numerator": one["met"], "denominator": total, "value": value, "p90": None, "mean": None} | rest


class Chart:
    """One encounter as a reader understands it, without entries made in error."""

    def __init__(self, e: Encounter) -> None:
        record = e["record"]
        self.times = {name: moment(text) for name, text in record.get("times", {}).items()}
        self.emergency = record["care_model"] == "prehospital_emergency"
        self.between_hospitals = record["care_model"] == "interfacility_transfer"
        self.age, self.newborn = age_of(record.get("patient"), e["day"])
        self.codes = codes_of(record)
        arrest: Any = record.get("arrest")
        # Questions that a form asks of every patient make no arrest.
        asked_of_all = ({}, {"dnar": True}, {"dnar": False}, {"recognised_dead": False})
        asked_of_all += ({"dnar": True, "recognised_dead": False}, {"dnar": False, "recognised_dead": False})
        self.arrest: Any = None if arrest in asked_of_all else arrest
        self.cpr = record.get("cpr", {})
        self.stroke = record.get("stroke")
        self.injury = record.get("injury", {})
        self.ending = record.get("disposition", {})
        self.outcome = self.ending.get("outcome")
        self.carried = self.outcome == "transported"
        self.category = record.get("dispatch", {}).get("category")
        self.sirens_there = record.get("dispatch", {}).get("lights_and_sirens")
        self.weight = record.get("weight", {})
        self.signs = signs_of(record, e["readings"])
        self.drugs = [
            (DRUGS[one["medication"]["code"]], moment(one["given_at"]), one.get("not_done"))
            for one in record["medications"]
            if not one.get("entered_in_error")
        ]
        self.acts = [
            (PROCEDURES[one["procedure"]["code"]], moment(one["performed_at"]), one.get("not_done"), one)
            for one in record["procedures"]
            if not one.get("entered_in_error")
        ]
        self.attempts = [one for one in record.get("airway_attempts", []) if not one.get("entered_in_error")]
        self.reports, self.day = e["reports"], e["day"]
        self.is_left_dead = self.outcome == "dead_on_scene" or bool((self.arrest or {}).get("recognised_dead"))
        alerts = [part["prealert"] for part in (self.ending, self.stroke or {}) if "prealert" in part]
        self.alerted = True if True in alerts else False if alerts else None

    def has(self, *kinds: str) -> bool:
        return all(self.signs.get(kind) for kind in kinds)

    def values(self, kind: str) -> list[Any]:
        """In the order of their times."""
        return [value for _, value in sorted(self.signs.get(kind, []), key=lambda pair: pair[0])]

    def was_given(self, *kinds: str) -> str:
        names = {name for name, _, reason in self.drugs if reason is None}
        if names.intersection(kinds):
            return "met"
        return "unknown" if "unknown" in names else "not"

    def was_refused(self, kind: str) -> bool:
        acts = [(name, reason) for name, _, reason in self.drugs] + [(name, reason) for name, _, reason, _ in self.acts]
        return any(name == kind and reason in ("refused", "contraindicated") for name, reason in acts)

    def was_done(self, kind: str) -> bool:
        return any(name == kind and reason is None for name, _, reason, _ in self.acts)

    def is_coded(self, *codes: str) -> bool:
        return any(code.startswith(wanted) for code in self.codes for wanted in codes)

    def told(self, part: str, name: str) -> Any:
        """The newest hospital's report that knows."""
        for report in reversed(self.reports):
            answer = report.get(part, {}).get(name)
            if answer not in (None, "unknown"):
                return answer
        return None

    def lived(self, name: str) -> bool | None:
        """Whether the patient lived until discharge, or for 30 days, as any hospital knows: one that knows of the death is right."""
        answers = [until(report, name, self.day) for report in self.reports]
        crew = self.arrest.get("survived_to_discharge") if name == "survived_to_discharge" and self.arrest else None
        for answer in (False, True):
            if answer in answers:
                return answer
        return False if crew is None and self.is_left_dead else crew

    def is_out(self) -> bool:
        """Unconscious all the time."""
        scores, levels = self.values("gcs"), self.values("avpu")
        if scores and not [score for score in scores if score > 8]:
            return True
        return bool(levels) and not [level for level in levels if level in ("alert", "verbal")]

    def is_dazed(self) -> bool:
        """Not alert at some time."""
        return any(score < 15 for score in self.values("gcs")) or any(level != "alert" for level in self.values("avpu"))


def until(report: dict[str, Any], name: str, day: str) -> bool | None:
    answer = {"yes": True, "no": False}.get(report.get("survival", {}).get(name))
    stay, room = report.get("stay", {}), report.get("emergency_department", {})
    in_room = room.get("disposition") in ("died", "dead_on_arrival")
    in_ward = stay.get("disposition") == "died"
    if name == "survived_to_discharge":
        return False if in_room or in_ward else answer
    if answer is not None or in_room:
        return False if answer is None else answer
    died = report.get("survival", {}).get("died_at") or (stay.get("discharged_at") if in_ward else None)
    return None if died is None else (date.fromisoformat(died[:10]) - date.fromisoformat(day)) > timedelta(days=30)


def verdicts(e: Encounter) -> dict[str, Any]:
    chart, found = Chart(e), {}
    if chart.arrest is not None and chart.arrest.get("resuscitation_attempted"):
        of_arrest(chart, found)
    if any(one.get("finding") == "stemi" for *_, one in chart.acts) or chart.is_coded(
        "I21.0", "I21.1", "I21.2", "I21.3"
    ):
        of_stemi(chart, found)
    tia = [code for code in chart.codes if code.startswith("G45") and not code.startswith("G45.4")]
    if (chart.stroke or {}).get("suspected") or tia or chart.is_coded("I60", "I61", "I63", "I64"):
        of_stroke(chart, found)
    of_severity(chart, found)
    if chart.emergency:
        of_breath(chart, found)
        of_drugs(chart, found)
        of_road(chart, found)
        if chart.carried:
            of_injury(chart, found)
    of_child(chart, found)
    return found


def of_arrest(chart: Chart, found: dict[str, Any]) -> None:
    a = chart.arrest
    other = a.get("aetiology") in ("trauma", "overdose", "drowning", "electrocution")
    hopeless = a.get("dnar") or a.get("recognised_dead")
    seen = a.get("witnessed")
    shockable = a.get("initial_rhythm") in ("vf", "pulseless_vt", "shockable_unknown")
    alive = chart.lived("survived_to_discharge")
    cpc = chart.told("neurology", "cpc")
    cpc = a.get("cpc") if cpc is None else cpc
    back = a.get("rosc_at_handover")
    back = False if back is None and (a.get("rosc") is False or chart.is_left_dead) else back
    found["rosc_survival"] = "excluded" if other else yes(alive)
    found["rosc_at_hospital"] = "excluded" if other or hopeless else yes(back)
    heart = a.get("aetiology", "presumed_cardiac") == "presumed_cardiac"
    if shockable and heart and seen != "unwitnessed" and not (chart.age is not None and chart.age < 18):
        unclear = seen is None or chart.age is None
        for name, answer in (("rosc_utstein", back), ("survival_utstein", alive)):
            found[name] = "excluded" if hopeless or seen == "ems" else "unknown" if unclear else yes(answer)
    if alive:
        found["good_neuro_outcome"] = "excluded" if other else yes(None if cpc is None else cpc < 3)
    if shockable:
        wait = gap(chart.times.get("on_scene"), moment(a.get("first_shock_at")))
        found["time_to_first_shock"] = "excluded" if seen == "ems" else wait
    if not other:
        own = seen == "ems"
        found["bystander_cpr"] = "excluded" if own else yes(a.get("bystander_cpr"))
        found["cpr_coached"] = "excluded" if own else yes(chart.cpr.get("dispatcher_instructed"))
        pressed = gap(chart.times.get("call"), moment(a.get("cpr_started_at")))
        found["call_to_compressions"] = "excluded" if own else pressed
        rate, depth = chart.cpr.get("compression_rate"), chart.cpr.get("compression_depth")
        found["compression_rate"] = "unknown" if rate is None else "met" if rate in range(100, 121) else "not"
        deep = "unknown" if depth is None else "met" if depth in range(50, 61) else "not"
        found["compression_depth"] = "unknown" if chart.age is None else "excluded" if chart.age < 18 else deep
    month_later = chart.lived("alive_at_30_days")
    found["survival_30_days"] = yes(month_later)
    if chart.reports and (alive or month_later):
        mrs = chart.told("neurology", "mrs")
        found["good_mrs_outcome"] = yes(None if mrs is None else mrs < 4)
    if a.get("rosc") and chart.carried and (chart.age is None or chart.age > 17):
        found["post_rosc_bundle"] = after_return(chart, moment(a.get("rosc_at"))) if not other else "excluded"


def after_return(chart: Chart, start: datetime | None) -> str:
    if start is None or chart.age is None:
        return "unknown"
    late = {kind for kind, pairs in chart.signs.items() for at, _ in pairs if at >= start}
    traced = [at for kind, at, reason, _ in chart.acts if kind == "ecg" and reason is None and at >= start]
    breathed = chart.was_done("oxygen") or any(kind == "oxygen" and not reason for kind, _, reason in chart.drugs)
    return "met" if {"glucose", "etco2", "systolic"} <= late and traced and breathed else "not"


def of_stemi(chart: Chart, found: dict[str, Any]) -> None:
    pain = chart.values("pain")
    out = chart.is_out()
    elements = {
        "aspirin": (chart.was_given("aspirin"), drug_refused(chart, "aspirin")),
        "gtn": (chart.was_given("gtn"), drug_refused(chart, "gtn")),
        "pain": ("met" if len(pain) > 1 else "not", out),
        "relief": (chart.was_given("analgesic"), drug_refused(chart, "analgesic") or out or pain[:1] == [0]),
    }
    left = {done for done, excuse in elements.values() if done != "met" and not excuse}
    if all(done != "met" and excuse for done, excuse in elements.values()):
        found["stemi_care_bundle"] = "excluded"
    else:
        found["stemi_care_bundle"] = "not" if "not" in left else "unknown" if left else "met"
    traced = [at for kind, at, reason, _ in chart.acts if kind == "ecg" and reason is None]
    found["stemi_scene_to_ecg"] = gap(chart.times.get("on_scene"), min(traced) if traced else None)
    left_behind = chart.outcome is not None and not chart.carried
    found["stemi_prealert"] = "excluded" if left_behind else yes(chart.alerted)
    if chart.carried:
        found["stemi_call_to_door"] = gap(chart.times.get("call"), chart.times.get("at_destination"))


def drug_refused(chart: Chart, kind: str) -> bool:
    return any(name == kind and reason in ("refused", "contraindicated") for name, _, reason in chart.drugs)


def of_stroke(chart: Chart, found: dict[str, Any]) -> None:
    s = chart.stroke or {}
    fast = "face" in s and "arm" in s and "speech" in s
    if chart.is_out() or chart.is_coded("S06"):
        found["stroke_diagnostic_bundle"] = "excluded"
    else:
        found["stroke_diagnostic_bundle"] = "met" if fast and chart.has("glucose", "systolic", "diastolic") else "not"
    found["stroke_lkw"] = "met" if "last_known_well" in s else "not"
    if chart.carried:
        found["stroke_call_to_door"] = gap(chart.times.get("call"), chart.times.get("at_destination"))
    if chart.emergency:
        deep = any(score < 10 for score in chart.values("gcs")) or "unresponsive" in chart.values("avpu")
        found["stroke_assessed"] = "excluded" if deep else "met" if fast or "nihss" in s else "not"


def of_severity(chart: Chart, found: dict[str, Any]) -> None:
    severity, where = chart.told("stay", "injury_severity_score"), chart.ending.get("destination_type")
    if severity is None or not chart.carried:
        return
    if severity > 15:
        found["trauma_undertriage"] = "unknown" if where is None else "not" if where == "trauma_centre" else "met"
    if where == "trauma_centre":
        found["trauma_overtriage"] = "not" if severity > 15 else "met"


def of_breath(chart: Chart, found: dict[str, Any]) -> None:
    tubes = [
        at
        for kind, at, reason, one in chart.acts
        if kind == "airway" and not reason and one.get("outcome") == "successful"
    ]
    own = [one for one in chart.attempts if not one.get("prior_to_arrival")]
    tubes += [moment(one["attempted_at"]) for one in own if one.get("successful")]
    if tubes:
        breaths = [at for at, value in chart.signs.get("etco2", []) if value >= 5]
        found["airway_capnography"] = "met" if any(at >= max(tubes) for at in breaths) else "not"
    if not chart.newborn and any(value < 90 for value in chart.values("spo2")):
        if chart.was_done("oxygen") or chart.was_given("oxygen") == "met":
            found["hypoxia_oxygen"] = "met"
        else:
            found["hypoxia_oxygen"] = "excluded" if chart.was_refused("oxygen") else chart.was_given("oxygen")
    if chart.is_coded("J44", "J45", "J46", "J80", "J81", "J96", "J98.01", "R06.0"):
        found["resp_assessment"] = "met" if chart.has("spo2", "respiratory_rate") else "not"
    tries = [one for one in chart.attempts if one["device"] == "endotracheal_tube" and not one.get("prior_to_arrival")]
    if not tries or chart.newborn:
        return
    if chart.arrest is not None:
        found["airway_first_pass"] = found["airway_oxygenated"] = "excluded"
        return
    first = sorted(tries, key=lambda one: one["attempted_at"])[0]
    before, least, pressure = first.get("spo2_before"), first.get("spo2_lowest"), first.get("systolic_lowest")
    found["airway_oxygenated"] = "unknown" if before is None else "met" if before >= 94 else "not"
    if first.get("successful") is False or (least or 100) < 90 or (pressure or 100) < 90:
        found["airway_first_pass"] = "not"
    else:
        known = first.get("successful") is True and least is not None and pressure is not None
        found["airway_first_pass"] = "met" if known else "unknown"


def of_drugs(chart: Chart, found: dict[str, Any]) -> None:
    if any(value < 60 for value in chart.values("glucose")) and chart.is_dazed() and not chart.newborn:
        fed = chart.was_done("food")
        found["hypoglycaemia_treated"] = "met" if fed else chart.was_given("glucose", "glucagon")
    for name, codes, drug in (
        ("seizure_benzo", ("G41", "G40.901", "G40.803"), "benzodiazepine"),
        ("asthma_beta_agonist", ("J45", "J46", "J98.01"), "beta_agonist"),
    ):
        if chart.is_coded(*codes) and (chart.age is None or chart.age > 1):
            found[name] = "unknown" if chart.age is None else chart.was_given(drug)
    if chart.is_coded("R55", "R40.4"):
        found["syncope_ecg"] = "met" if chart.was_done("ecg") else "not"
    given = [name for name, _, reason in chart.drugs if reason is None and name != "oxygen"]
    if given and (chart.age is None or chart.age < 18):
        weighed = "value" in chart.weight or "tape" in chart.weight
        found["child_weight"] = "unknown" if chart.age is None else "met" if weighed else "not"


def of_road(chart: Chart, found: dict[str, Any]) -> None:
    if chart.outcome in ("refused", "treated_and_released", "no_treatment_needed") and chart.arrest is None:
        signs = chart.has("systolic", "diastolic", "heart_rate", "respiratory_rate", "spo2")
        found["nontransport_vitals"] = "met" if signs and (chart.has("gcs") or chart.has("avpu")) else "not"
    wait = gap(chart.times.get("call"), chart.times.get("on_scene"))
    found["response_time"] = wait
    names = {
        **dict.fromkeys(["england_c1", "england_c1t"], "response_c1"),
        **{f"england_c{n}": f"response_c{n}" for n in (2, 3, 4)},
        **dict.fromkeys(["italy_red", "italy_yellow"], "response_red_yellow"),
    }
    if chart.category in names:
        found[names[chart.category]] = wait
    if chart.category in ("mpds_echo", "mpds_delta"):
        found["response_echo_delta"] = within(chart.times.get("call"), chart.times.get("on_scene"), 1139)
    found["response_no_lights"] = yes(None if chart.sirens_there is None else not chart.sirens_there)
    found["conveyance"] = (
        "excluded" if chart.outcome in ABSENT else yes(None if chart.outcome is None else chart.carried)
    )
    if chart.carried:
        lights = chart.ending.get("lights_and_sirens")
        found["no_lights_sirens"] = yes(None if lights is None else not lights)
        found["handover_time"] = gap(chart.times.get("at_destination"), chart.times.get("handover"))
        found["handover_within_15"] = within(chart.times.get("at_destination"), chart.times.get("handover"), 900)


def of_injury(chart: Chart, found: dict[str, Any]) -> None:
    """Of emergencies that were transported."""
    criteria = chart.injury.get("criteria")
    burns = tuple(f"T{n}" for n in range(20, 36))
    if "mechanism" in chart.injury or criteria or chart.is_coded("S", "T0", "T1", *burns):
        pain = chart.values("pain")
        if pain and pain[0] > 0:
            found["trauma_pain_improved"] = "met" if pain[-1] < pain[0] else "not"
        found["trauma_vitals"] = "met" if chart.has("gcs", "systolic", "respiratory_rate") else "not"
        if 15 in chart.values("gcs") or "alert" in chart.values("avpu"):
            found["trauma_pain_assessed"] = "met" if pain else "not"
    if criteria:
        where, why = chart.ending.get("destination_type"), chart.ending.get("prealert_for")
        found["trauma_to_centre"] = "unknown" if where is None else "met" if where == "trauma_centre" else "not"
        reason = "unknown" if why is None else "met" if why == "trauma" else "not"
        found["trauma_prealert"] = reason if chart.alerted else yes(chart.alerted)
    if chart.is_coded("S02", "S04.4", "S06", "S07.1", "S09.90", "T74.4") and chart.is_dazed():
        found["tbi_monitored"] = "met" if chart.has("spo2", "etco2", "systolic") else "not"


def of_child(chart: Chart, found: dict[str, Any]) -> None:
    if not chart.carried or not (chart.emergency or chart.between_hospitals) or chart.age is None or chart.age > 7:
        return
    held = chart.ending.get("child_restrained")
    grave = chart.arrest is not None or chart.injury.get("criteria") or chart.was_done("airway") or chart.attempts
    found["child_restraint"] = "excluded" if grave else yes(held)


def yes(answer: bool | None) -> str:
    return {True: "met", False: "not", None: "unknown"}[answer]


def moment(text: str | None) -> Any:
    """None for None."""
    return None if text is None else datetime.fromisoformat(text)


def gap(start: datetime | None, end: datetime | None) -> Any:
    """Minutes to one decimal, three hours at most, `unknown` without both ends, `excluded` if it ran backwards."""
    if start is None or end is None:
        return "unknown"
    if end < start:
        return "excluded"
    minutes = Decimal(int((end - start).total_seconds())) / 60
    return float(min(minutes.quantize(Decimal("0.1"), ROUND_HALF_EVEN), Decimal(180)))


def within(start: datetime | None, end: datetime | None, seconds: int) -> str:
    if start is None or end is None:
        return "unknown"
    return "excluded" if end < start else "met" if (end - start).total_seconds() <= seconds else "not"


def age_of(patient: dict[str, Any] | None, day: str) -> tuple[int | None, bool]:
    """In whole years, and whether the patient was born on the day."""
    if not patient or not {"birth_date", "age_years"} & set(patient):
        return None, False
    if "birth_date" not in patient:
        return patient["age_years"], False
    born = patient["birth_date"]
    years = int(day[:4]) - int(born[:4]) - (day[5:] < born[5:])
    return max(0, years), born == day


def codes_of(record: dict[str, Any]) -> list[str]:
    """In ICD-10."""
    concepts = [record["primary_impression"]] if "primary_impression" in record else []
    concepts += record["secondary_impressions"]
    codes = [SAME.get(one["code"], "") if one["system"].endswith("sct") else one["code"] for one in concepts]
    return [code for code in codes if code]


def signs_of(record: dict[str, Any], readings: list[dict[str, Any]]) -> dict[str, list[tuple[datetime, Any]]]:
    """(time, value) by kind; of all readings, not of some. Glucose is in mg/dL, end-tidal CO2 in mm[Hg]."""
    found: dict[str, list[tuple[datetime, Any]]] = defaultdict(list)
    for signs in record["vital_signs"]:
        if signs.get("entered_in_error"):
            continue
        at = datetime.fromisoformat(signs["taken_at"])
        for kind, value in signs.items():
            if isinstance(value, dict):
                found[kind].append((at, converted(kind, float(value["value"]), value["unit"])))
            elif kind not in ("taken_at", "gcs_eye", "gcs_verbal", "gcs_motor", "entered_in_error"):
                found[kind].append((at, value))
        parts = [signs[name] for name in ("gcs_eye", "gcs_verbal", "gcs_motor") if name in signs]
        if len(parts) == 3 and "gcs" not in signs:
            found["gcs"].append((at, sum(parts)))
    for one in readings:
        kind = READINGS.get(one["mdc_code"])
        if kind and not one["test"] and not one["flags"]:
            value = converted(kind, float(one["value"]), one["unit_code"])
            found[kind].append((datetime.fromisoformat(one["observed_at"]), value))
    return found


def converted(kind: str, value: float, unit: str) -> float:
    if kind == "glucose" and unit == "mmol/L":
        return value * 18.0156
    if kind == "etco2":
        return value * {"mm[Hg]": 1.0, "kPa": 7.50062, "%": 7.6}[unit]
    return value
