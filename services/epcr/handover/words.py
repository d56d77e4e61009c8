"""The words of a handover beside those of the record, in English and Italian."""

from services.epcr.fhir.words import Language, word

WORDS: dict[str, tuple[str, str]] = {
    "urgent": ("↓ ↑ urgent in an adult (NEWS2)", "↓ ↑ urgente nell'adulto (NEWS2)"),
    "told": ("given", "data alle"),
    "refusal_unsigned": ("refusal not signed", "rifiuto non firmato"),
    "problem": ("problem", "problema"),
    "onset": ("onset", "esordio"),
    "of_field_triage": ("found in field triage", "rilevati nel triage sul campo"),
    "no_capacity": ("no capacity to decide", "non capace di decidere"),
    "lowest_highest": ("Range", "Minimo–massimo"),
    "first_worst_latest": ("first, worst and latest", "primo, peggiori e ultimi"),
    "last": ("last", "ultima"),
    "highest": ("highest", "massima"),
    "lowest": ("lowest", "minima"),
    "first": ("first", "prima"),
    "eta": ("ETA", "arrivo previsto"),
    "contacts": ("contacts", "recapiti"),
    "all": ("all", "tutti"),
    "amended": ("amended", "rettificata"),
    "cancelled": ("cancelled", "annullata"),
    "care": ("care", "cure"),
    "care_is_not_shown": (
        "Not known to be of this patient, or not bound for this destination: ask the crew.",
        "Non risulta di questo paziente, o non è destinata qui: chiedere all'equipaggio.",
    ),
    "confidential": ("Confidential: identified health data", "Riservato: dati sanitari identificati"),
    "crew_contradicts": (
        "{vehicle} recorded this patient, by the same number, with another {field}: {here} here, {there} there. Check who the patient is.",
        "{vehicle} ha registrato questo paziente, per lo stesso numero, con un altro dato ({field}): qui {here}, là {there}. "
        "Verificare chi è il paziente.",
    ),
    "check_identity": ("check the identity", "verificare l'identità"),
    "date": ("date", "data"),
    "day": ("day", "giorno"),
    "days": ("days", "giorni"),
    "destination": ("destination", "destinazione"),
    "documents": ("documents", "documenti"),
    "final": ("final", "definitiva"),
    "former_patients": (
        "Patients that were made for a former identity of the patient of one encounter, who was another person. None of that encounter's "
        "resources refers to them any more. Each may be merged with one of your own by now, so that this service changes none: the "
        "people who keep your patient index decide. Link none to the present Patient.",
        "Patient creati per un'identità precedente del paziente di un intervento, che era un'altra persona. Nessuna risorsa di "
        "quell'intervento vi si riferisce più. Ognuno può essere stato unito a uno dei vostri, perciò questo servizio non ne cambia "
        "nessuno: decide chi tiene la vostra anagrafe. Non collegarne nessuno al Patient attuale.",
    ),
    "first_lowest_highest_last": (
        "The first, lowest, highest and last reading of each kind.",
        "La prima, la minima, la massima e l'ultima misura di ogni tipo.",
    ),
    "handover_pdf": ("The same report as a PDF", "La stessa relazione in PDF"),
    "identity_corrected": (
        "The identity of the patient was corrected: an earlier version of this report named another person.",
        "L'identità del paziente è stata corretta: una versione precedente di questa relazione indicava un'altra persona.",
    ),
    "incident": ("incident", "evento"),
    "months": ("months", "mesi"),
    "latest": ("the latest", "più recenti"),
    "last_rate": ("last rate", "ultima velocità"),
    # The numbers are those of entries that are shown, and of those that are not.
    "more_earlier": (
        "The latest {shown} entries are shown; {others} earlier ones are in the record.",
        "Sono mostrate le ultime {shown} voci; altre {others}, precedenti, sono nella scheda.",
    ),
    "more_between": (
        "The first entry and the latest {shown} are shown; {others} between them are in the record.",
        "Sono mostrate la prima voce e le ultime {shown}; altre {others}, fra queste, sono nella scheda.",
    ),
    "more_kinds": (
        "The {shown} kinds of the latest entries are shown; {others} more are in the record.",
        "Sono mostrati i {shown} tipi delle voci più recenti; altri {others} sono nella scheda.",
    ),
    "more_less_serious": (
        "The {shown} most serious entries are shown; {others} more are in the record.",
        "Sono mostrate le {shown} voci più gravi; altre {others} sono nella scheda.",
    ),
    "more_others": (
        "{shown} entries are shown; {others} more are in the record.",
        "Sono mostrate {shown} voci; altre {others} sono nella scheda.",
    ),
    "not_closed": (
        "Preliminary: the crew has not closed the report.",
        "Provvisoria: l'equipaggio non ha chiuso la relazione.",
    ),
    "number": ("number", "numero"),
    "other": ("other", "altro"),
    "preliminary": ("preliminary", "provvisoria"),
    "readings_of_devices": ("readings of devices", "misure dei dispositivi"),
    "reason": ("reason for visit", "motivo dell'accesso"),
    "same_number": (
        "The record of {vehicle} has the same number and is not taken as this patient's: crews recorded two people with one number. Check "
        "the number.",
        "La scheda di {vehicle} ha lo stesso numero e non è considerata di questo paziente: gli equipaggi hanno registrato due persone "
        "con un solo numero. Verificare il numero.",
    ),
    "sender": ("ambulance service", "servizio di soccorso"),
    "short.avpu": ("AVPU", "AVPU"),
    "short.blood_pressure": ("BP", "PA"),
    "short.etco2": ("EtCO₂", "EtCO₂"),
    "short.gcs": ("GCS", "GCS"),
    "short.glucose": ("Glucose", "Glicemia"),
    "short.heart_rate": ("HR", "FC"),
    "short.pain": ("Pain", "Dolore"),
    "short.respiratory_rate": ("RR", "FR"),
    "short.spo2": ("SpO₂", "SpO₂"),
    "short.temperature": ("Temp.", "Temp."),
    "status.cancelled": ("cancelled", "annullata"),
    "status.completed": ("completed", "conclusa"),
    "status.handed_over": ("handed over", "consegnata"),
    "status.in_progress": ("in progress", "in corso"),
    "test_data": ("TEST DATA, NO REAL PATIENT.", "DATI DI PROVA, NESSUN PAZIENTE REALE."),
    "text_is_longer": ("The text goes on in the record.", "Il testo continua nella scheda."),
    "time": ("time", "ora"),
    "total": ("total", "totale"),
    "totals": ("totals", "totali"),
    "times_of": ("Times:", "Orari:"),
    "unknown_patient": ("Unknown patient", "Paziente sconosciuto"),
    "unshown": (
        "Some letters of this record cannot be shown on this page: the record has them.",
        "Alcune lettere di questa scheda non si possono mostrare su questa pagina: la scheda le contiene.",
    ),
    "vehicle": ("vehicle", "mezzo"),
    "version": ("version", "versione"),
    "without_a_dose": ("without a dose", "senza dose"),
    "year": ("year", "anno"),
    "years": ("years", "anni"),
}


def say(key: str, language: Language) -> str:
    """A word of the handover, or of the record. Raises KeyError for an unknown key."""
    if key in WORDS:
        return WORDS[key][("en", "it").index(language)]
    return word(key, language)


def heading(key: str, language: Language) -> str:
    words = say(key, language)
    return words[0].upper() + words[1:]
