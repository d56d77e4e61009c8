"""The pages of people and of federation."""

from services.console.pages.registry import Area, Page
from services.console.people import federation, invitations, upkeep, views
from services.console.people.views import CHANGE, READ

AREA = Area("people", 30)
PERSON = {"user_id": "usr_01m8a1qz7mf5k8w2t4c9n3v6hd"}
SESSION = PERSON | {"session_id": "ses_01m8a3c5v2h7d0t4r6y8z1b9fm"}
INVITATION = {"invitation_id": "inv_01m8a2b4t1g6c9s3q5w7x8z0ke"}
CONNECTION = {"connection_id": "con_01m8a4d6w3j8f1v5s7z9b2c0gn"}
FEDERATION = "/people/federation"
ONE = FEDERATION + "/{connection_id}"
METADATA = 384 << 10
"""A form with as much metadata as the platform reads: 262,144 characters, of which one in seven is escaped."""
PAGES = [
    Page("list", "/people", views.list_people, READ, in_navigation=True),
    Page("invite", "/people/invite", invitations.invite_page, CHANGE, invitations.invite),
    Page("invitations", "/people/invitations", invitations.list_invitations, READ),
    Page(
        "invitation",
        "/people/invitations/{invitation_id}",
        invitations.read_invitation,
        READ,
        invitations.resend,
        examples=INVITATION,
    ),
    Page(
        "withdraw",
        "/people/invitations/{invitation_id}/withdraw",
        invitations.withdraw_page,
        CHANGE,
        invitations.withdraw,
        examples=INVITATION,
    ),
    Page("federation", FEDERATION, federation.overview, CHANGE),
    Page("new_connection", FEDERATION + "/new", federation.new_page, CHANGE, federation.create, most_bytes=METADATA),
    Page("policy", FEDERATION + "/policy", federation.policy_page, CHANGE, federation.change_policy),
    Page("connection", ONE, federation.read_connection, CHANGE, federation.change_connection, examples=CONNECTION),
    Page("renew", ONE + "/renew", upkeep.renew_page, CHANGE, upkeep.renew, examples=CONNECTION, most_bytes=METADATA),
    Page(
        "remove_domain",
        ONE + "/domains/{domain}/remove",
        upkeep.remove_domain_page,
        CHANGE,
        upkeep.remove_domain,
        examples=CONNECTION | {"domain": "integrator.example"},
    ),
    Page(
        "attributes",
        ONE + "/attributes",
        upkeep.attributes_page,
        CHANGE,
        upkeep.change_attributes,
        examples=CONNECTION,
    ),
    Page("mapped_role", ONE + "/roles", upkeep.roles_page, CHANGE, upkeep.change_roles, examples=CONNECTION),
    Page("disable", ONE + "/disable", federation.disable_page, CHANGE, federation.disable, examples=CONNECTION),
    Page("delete", ONE + "/delete", federation.delete_page, CHANGE, federation.delete, examples=CONNECTION),
    Page("person", "/people/{user_id}", views.read_person, READ, examples=PERSON),
    Page("role", "/people/{user_id}/role", views.role_page, CHANGE, views.change_role, examples=PERSON),
    Page("leave", "/people/{user_id}/leave", views.leave_page, CHANGE, views.leave, examples=PERSON),
    Page("enable", "/people/{user_id}/enable", views.enable_page, CHANGE, views.enable, examples=PERSON),
    Page(
        "second_factor",
        "/people/{user_id}/second-factor",
        views.second_factor_page,
        CHANGE,
        views.reset_second_factor,
        examples=PERSON,
    ),
    Page("sessions", "/people/{user_id}/sessions", views.sessions_page, CHANGE, views.end_sessions, examples=PERSON),
    Page(
        "session",
        "/people/{user_id}/sessions/{session_id}",
        views.session_page,
        CHANGE,
        views.end_session,
        examples=SESSION,
    ),
]
