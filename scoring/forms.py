"""The one form of the scoring page."""

from django import forms

from accounts.api_keys import LONGEST_NAME


class KeyForm(forms.Form):
    name = forms.CharField(
        label="What is the key for?",
        max_length=LONGEST_NAME,
        help_text="A program or a person, so that you know later which key to revoke.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
