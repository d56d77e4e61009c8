"""A person who signs in reads a sentence for each scope, in every language of the pages."""

import pytest

from services.auth.signin import texts
from shared.web import scopes


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_scope_has_a_consent_text_without_which_a_sign_in_would_be_a_500(language: str) -> None:
    assert set(texts.SCOPES[language]) == set(scopes.ALL)
    assert all(texts.SCOPES[language].values())
