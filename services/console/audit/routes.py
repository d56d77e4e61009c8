"""The pages of the audit trail."""

from services.console.audit import views
from services.console.pages.registry import Area, Page

SCOPE = "platform:audit"
ENTRY = {"service": "auth", "id": "aud_01kaw3v9m8f6w8p5dn5kq2y3rz"}
AREA = Area("audit", 60)
PAGES = [
    Page("entries", "/audit", views.entries, SCOPE, in_navigation=True),
    Page("entry", "/audit/entries/{service}/{id}", views.entry, SCOPE, examples=ENTRY),
    Page("check", "/audit/check", views.check, SCOPE),
    Page("export", "/audit/export", views.export, SCOPE),
    Page("file", "/audit/export/file", views.file, SCOPE, is_html=False),
    Page("keys", "/audit/export/keys", views.keys, SCOPE, is_html=False),
]
