"""Mail addresses as we keep them: one spelling each, and only those we could write to."""

from email_validator import EmailNotValidError, validate_email

from tracker.errors import Invalid


def checked(text: str) -> str:
    """Return a mail address as we keep it, in small letters; raise Invalid when we could not write to it.

    Otherwise Ann@ and ann@ would be two addresses with a flood cap each, and one could not sign in for the other.
    """
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise Invalid(fields={"email": f"We could not write to this address: {error}"}) from None
