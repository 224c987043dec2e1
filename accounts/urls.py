"""Sign-in and accounts. Of allauth's pages only those that are listed here exist."""

from allauth.account import views as allauth
from django.urls import path, re_path

from accounts import views

urlpatterns = [
    path("accounts/", views.account, name="account"),
    path("accounts/login/", allauth.login, name="account_login"),
    path("accounts/logout/", allauth.logout, name="account_logout"),
    path("accounts/inactive/", allauth.account_inactive, name="account_inactive"),
    path("accounts/password/change/", allauth.password_change, name="account_change_password"),
    path("accounts/password/reset/", allauth.password_reset, name="account_reset_password"),
    path("accounts/password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    path(
        "accounts/password/reset/key/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("accounts/entra/login/", views.entra_login, name="entra_login"),
    path("accounts/entra/callback/", views.entra_callback, name="entra_callback"),
    # allauth makes links to these by name, so they lead to a page that says how it is done here.
    path("accounts/signup/", views.closed, name="account_signup"),
    path("accounts/email/", views.closed, name="account_email"),
    path("accounts/password/set/", views.closed, name="account_set_password"),
    path("accounts/reauthenticate/", views.closed, name="account_reauthenticate"),
]
