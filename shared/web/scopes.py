"""The scopes, each with its texts. Auth, packages, consent pages and the contract take them from here.

At the end are the modes in which an app sees patient care records, and the scopes that go with moved times.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One permission of a token. `…:write` includes `…:read` of the same resource by its name.

    `description` is the line of the contract; `consent` completes "the app will be able to" on the consent page, and names
    the scope in the console.
    `for_administrators`: a tenant's first app has it, which registers the others. `in_console`: people use it in the console, as far
    as their roles allow. `with_moved_times`: apps with moved times may have it,
    because no answer behind it shows an exact time or names a real encounter, device or incident.
    `bundle` is the GraphQL bundle without which an app with the scope can make no call.
    """

    name: str
    description: str
    italian: str
    consent: str
    consent_italian: str
    for_administrators: bool = False
    in_console: bool = False
    with_moved_times: bool = False
    bundle: str = ""


def _by_name(*scopes: Scope) -> Mapping[str, Scope]:
    return {scope.name: scope for scope in scopes}


EVERYDAY = _by_name(
    Scope(
        name="webhooks:read",
        description="Read outbound webhook subscriptions and their deliveries",
        italian="Leggere le sottoscrizioni webhook in uscita e le loro consegne",
        consent="see its own webhooks and their deliveries",
        consent_italian="vedere i propri webhook e le loro consegne",
        with_moved_times=True,
        in_console=True,
    ),
    Scope(
        name="webhooks:write",
        description="Create and update outbound webhook subscriptions",
        italian="Creare e aggiornare sottoscrizioni webhook in uscita",
        consent="make and change its own webhooks, which receive the events it is approved for",
        consent_italian="creare e modificare i propri webhook, che ricevono gli eventi per cui è approvata",
        for_administrators=True,
        with_moved_times=True,
        in_console=True,
    ),
    Scope(
        name="argus:epcr:read",
        description="Read de-identified patient care record encounters",
        italian="Leggere gli interventi deidentificati delle schede di soccorso",
        consent="read patient care records without names, addresses and free text",
        consent_italian="leggere le schede di soccorso senza nomi, indirizzi e testo libero",
        with_moved_times=True,
        in_console=True,
    ),
    Scope(
        name="argus:epcr:write",
        description="Create and update patient care record encounters",
        italian="Creare e aggiornare interventi nelle schede di soccorso",
        consent="write patient care records, also with the patient's identity",
        consent_italian="scrivere le schede di soccorso, anche con l'identità del paziente",
        for_administrators=True,
    ),
    Scope(
        name="argus:devices:read",
        description="Read enrolled medical devices and their observations",
        italian="Leggere i dispositivi medici registrati e le loro misure",
        consent="see medical devices and their measurements",
        consent_italian="vedere i dispositivi medici e le loro misure",
        in_console=True,
    ),
    Scope(
        name="argus:devices:write",
        description="Enrol medical devices and submit observations",
        italian="Registrare dispositivi medici e inviarne le misure",
        consent="enrol medical devices and send their measurements",
        consent_italian="registrare dispositivi medici e inviarne le misure",
        for_administrators=True,
    ),
    Scope(
        name="argus:acqi:read",
        description="Read ambulance clinical quality indicators",
        italian="Leggere gli indicatori di qualità clinica delle ambulanze",
        consent="read the quality indicators of the ambulance service",
        consent_italian="leggere gli indicatori di qualità del servizio di ambulanze",
        for_administrators=True,
        in_console=True,
    ),
    Scope(
        name="argus:incidents:read",
        description="Read incidents",
        italian="Leggere gli incidenti",
        consent="see incidents and their state",
        consent_italian="vedere gli incidenti e il loro stato",
        bundle="incident-management",
        in_console=True,
    ),
    Scope(
        name="argus:incidents:write",
        description="Create and update incidents",
        italian="Creare e aggiornare incidenti",
        consent="open and change incidents",
        consent_italian="aprire e modificare incidenti",
        bundle="incident-management",
        for_administrators=True,
    ),
    Scope(
        name="offline_access",
        description="Keep access while the user is away (refresh tokens)",
        italian="Mantenere l'accesso in assenza dell'utente (refresh token)",
        consent="keep its access while people are away",
        consent_italian="mantenere l'accesso quando le persone non ci sono",
        with_moved_times=True,
        in_console=True,
    ),
)
"""Every app may ask for them."""
ON_REQUEST = _by_name(
    Scope(
        name="argus:epcr:handover",
        description="Read the identified records of patients who are brought to the app's own destination",
        italian="Leggere le schede identificate dei pazienti portati alla destinazione dell'app",
        consent="read who the patients are that are brought to its own destination, and their complete records",
        consent_italian="leggere chi sono i pazienti portati alla propria destinazione, e le loro schede complete",
    ),
    Scope(
        name="argus:epcr:outcome",
        description="Record the outcome of patients who were brought to the app's own destination",
        italian="Registrare l'esito dei pazienti portati alla destinazione dell'app",
        consent="report diagnosis, treatment and survival of patients brought to its own destination",
        consent_italian="comunicare diagnosi, cure e sopravvivenza dei pazienti portati alla propria destinazione",
    ),
    Scope(
        name="argus:telephony:read",
        description="Read telephony providers and routing",
        italian="Leggere operatori e instradamento telefonico",
        consent="see telephony providers and routing",
        consent_italian="vedere gli operatori telefonici e l'instradamento",
        in_console=True,
    ),
    Scope(
        name="argus:telephony:write",
        description="Configure telephony providers and routing",
        italian="Configurare operatori e instradamento telefonico",
        consent="change telephony providers and where calls are routed",
        consent_italian="modificare gli operatori telefonici e dove vanno le chiamate",
        bundle="telephony-admin",
        in_console=True,
    ),
    Scope(
        name="argus:platform:read",
        description="Read control-plane resources",
        italian="Leggere le risorse del piano di controllo",
        consent="see integration packages, releases, automations and edge agents",
        consent_italian="vedere pacchetti di integrazione, release, automazioni e agenti periferici",
        in_console=True,
    ),
    Scope(
        name="argus:platform:write",
        description="Manage control-plane resources",
        italian="Gestire le risorse del piano di controllo",
        consent="change integration packages, releases, automations and edge agents",
        consent_italian="modificare pacchetti di integrazione, release, automazioni e agenti periferici",
        in_console=True,
    ),
)
"""An operator grants them to a tenant, whose apps may then ask for them."""
FIRST_PARTY = _by_name(
    Scope(
        name="platform:apps",
        description="Manage the integration apps of the organisation",
        italian="Gestire le app di integrazione dell'organizzazione",
        consent="register, change and end the apps of the organisation",
        consent_italian="registrare, modificare ed eliminare le app dell'organizzazione",
        for_administrators=True,
        in_console=True,
    ),
    Scope(
        name="platform:people:read",
        description="Read the people of the organisation, their roles, sessions and invitations",
        italian="Leggere le persone dell'organizzazione, i loro ruoli, le sessioni e gli inviti",
        consent="see the people of your organisation, their roles, sessions and invitations",
        consent_italian="vedere le persone della tua organizzazione, i loro ruoli, le sessioni e gli inviti",
        in_console=True,
    ),
    Scope(
        name="platform:people:write",
        description="Invite people to the organisation, change their roles and end their access",
        italian="Invitare persone nell'organizzazione, cambiarne il ruolo e terminarne l'accesso",
        consent="invite people to your organisation, change their roles and end their access",
        consent_italian="invitare persone nella tua organizzazione, cambiarne il ruolo e terminarne l'accesso",
        for_administrators=True,
        in_console=True,
    ),
    Scope(
        name="platform:audit",
        description="Read and export the audit trail of the organisation",
        italian="Leggere ed esportare il registro di audit dell'organizzazione",
        consent="read and export who did what in your organisation",
        consent_italian="leggere ed esportare chi ha fatto che cosa nella tua organizzazione",
        for_administrators=True,
        in_console=True,
    ),
    Scope(
        name="argus:acqi:schedule",
        description="Schedule reports of the quality indicators, and pause or delete schedules",
        italian="Pianificare rapporti degli indicatori di qualità, e sospendere o eliminare pianificazioni",
        consent="schedule reports of the quality indicators of your organisation, and pause or delete schedules",
        consent_italian="pianificare rapporti degli indicatori di qualità della tua organizzazione, sospendere o eliminare pianificazioni",
        for_administrators=True,
        in_console=True,
    ),
    Scope(
        name="argus:epcr:clinical",
        description="Read and write complete clinical records",
        italian="Leggere e scrivere schede cliniche complete",
        consent="read and write complete clinical records",
        consent_italian="leggere e scrivere schede cliniche complete",
    ),
)
"""Not in the catalogue. Only operators give them, to first-party apps."""
OPERATORS = _by_name(
    Scope(
        name="platform:operate:read",
        description="See the tenants of the platform, their requests, backlogs and dead letters, as an operator of the platform",
        italian="Vedere i tenant della piattaforma, le loro richieste, gli arretrati e i dead letter, come operatore della piattaforma",
        consent="see all organisations of the platform, and the state of its services",
        consent_italian="vedere tutte le organizzazioni della piattaforma e lo stato dei suoi servizi",
        in_console=True,
    ),
    Scope(
        name="platform:operate:write",
        description="Suspend tenants, decide requests, replay dead letters and use kill switches, as an operator of the platform",
        italian="Sospendere tenant, decidere richieste, ripetere dead letter e usare i kill switch, come operatore della piattaforma",
        consent="suspend organisations of the platform, decide their requests, and stop parts of its services",
        consent_italian="sospendere organizzazioni della piattaforma, decidere le loro richieste e fermare parti dei suoi servizi",
        in_console=True,
    ),
)
"""Only for operators, who are people of the platform's own tenant: its console app gets them after a sign-in with a second factor."""
ALL: Mapping[str, Scope] = {**EVERYDAY, **ON_REQUEST, **FIRST_PARTY, **OPERATORS}
OF_CONSOLE = [name for name, scope in ALL.items() if scope.in_console]
OF_ADMINISTRATORS = [name for name, scope in ALL.items() if scope.for_administrators]


Mode = Literal["exact", "shifted", "safe_harbor"]
# In order: the last mode hides most.
MODES: tuple[Mode, ...] = ("exact", "shifted", "safe_harbor")
# An app with moved times may have only these. Everything else names real encounters, devices or incidents, or gives real times to
# the second; with it an app could compute the real times. A new scope is refused until its entry says otherwise.
WITH_MOVED_TIMES = frozenset(name for name, scope in ALL.items() if scope.with_moved_times)


def strictest_mode(*modes: Mode) -> Mode:
    """The mode that hides most."""
    return max(modes, key=MODES.index)


def permitted(mode: Mode, scopes: Iterable[str]) -> list[str]:
    """Those of `scopes` that `mode` allows, in the same order."""
    return [scope for scope in scopes if mode == "exact" or scope in WITH_MOVED_TIMES]


def refused(mode: Mode, scopes: Iterable[str]) -> list[str]:
    """Those of `scopes` that `mode` does not allow."""
    kept = set(permitted(mode, scopes))
    return [scope for scope in scopes if scope not in kept]
