"""The pages of operators of the platform. Nobody else has their scopes, so nobody else sees them."""

from services.console.operators import acting, views
from services.console.pages.registry import Area, Page

READ, ACT = "platform:operate:read", "platform:operate:write"
TENANT = {"tenant_id": "org_01jdkfx3c8e2r9v5m7q4t6w0ya"}
REQUEST = {"request_id": "ireq_01jdkfx3c8e2r9v5m7q4t6w0ya"}
ASKED = {"service": "auth", "action": "tenant.suspend", "subject": "org_01jdkfx3c8e2r9v5m7q4t6w0ya"}
AREA = Area("operators", 70)
PAGES = [
    Page("front", "/operators", views.front, READ, in_navigation=True),
    Page("tenants", "/operators/tenants", views.tenants, READ),
    Page("tenant", "/operators/tenants/{tenant_id}", views.tenant, READ, examples=TENANT),
    Page("requests", "/operators/requests", views.requests, READ),
    Page("request", "/operators/requests/{request_id}", views.request, READ, examples=REQUEST),
    Page("service", "/operators/services/{service}", views.service, READ, examples={"service": "webhook-dispatcher"}),
    Page("switches", "/operators/switches", acting.switches, ACT),
    Page("ask", "/operators/ask/{service}/{action}/{subject}", acting.ask, ACT, act=acting.act, examples=ASKED),
    Page("acts", "/operators/acts", acting.acts, READ),
    Page(
        "act",
        "/operators/acts/{service}/{act_id}",
        acting.read_act,
        READ,
        examples={"service": "auth", "act_id": "act_01jdkfx3c8e2r9v5m7q4t6w0ya"},
    ),
]
