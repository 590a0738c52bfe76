"""What several test files stand on."""

import pytest

# So that a failed assertion in there says what it compared.
pytest.register_assert_rewrite("support.outcomes", "support.entrances")
