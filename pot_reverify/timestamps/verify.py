"""Verify a time-stamp response offline, for authorities that the reader names.

Two implementations must agree: the steps below on `cryptography`, and OpenSSL's CMS verification by
`rfc3161-client`, which has the last word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.timestamps.token import Token, parse_token
from pot_reverify.timestamps.token_signature import verify_signature, verify_with_openssl

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from pot_reverify.timestamps.chain import CertificateStore, Chain

NEEDS_BACKEND: Final = "the extra `time` (pip install 'pot-audit[time]')"


class Authority(Protocol):
    """A time-stamping authority that the reader names."""

    @property
    def name(self) -> str:
        """Shown to people."""

    @property
    def root(self) -> bytes:
        """DER of the certificate that its certificates chain to."""

    @property
    def certificate(self) -> bytes | None:
        """DER of its own certificate, where only this one will do."""


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What a verified token proves: its message existed by `gen_time_ns`.

    Args:
        token: what was read.
        authority: the name that the reader gave to the authority.
        certificate: the subject of the certificate that signed.
        not_before_ns: when the certificates up to the root are all valid.
        not_after_ns: likewise; after it, only a later token over this one lets it prove anything.
    """

    token: Token
    authority: str
    certificate: str
    not_before_ns: int
    not_after_ns: int

    @property
    def gen_time_ns(self) -> int:
        """The time in the token."""
        return self.token.gen_time_ns


def verify_token(
    data: bytes,
    message: bytes,
    authorities: Sequence[Authority],
    intermediates: Sequence[bytes] = (),
) -> TimeStamp:
    """Verify that one DER TimeStampResp is over this message, by an authority of these.

    Args:
        intermediates: DER of certificates between root and authority, if the token lacks them.

    Raises:
        Rejection: ``time.token-imprint``, what `parse_token` and `verify_time_stamp` raise.
        Indeterminate: ``time.authority-not-named``, ``time.backend-missing``.
    """
    token = parse_token(data, "time-stamp token")
    if not token.covers(message):
        raise Rejection(
            "time.token-imprint", "the token is over other bytes than these", where=token.where
        )
    return verify_time_stamp(token, authorities, intermediates)


def verify_time_stamp(
    token: Token, authorities: Sequence[Authority], intermediates: Sequence[bytes] = ()
) -> TimeStamp:
    """Verify who signed one token, as a `TokenVerifier` does.

    Raises:
        Rejection, Indeterminate: as `TokenVerifier.verify`.
    """
    return TokenVerifier(authorities, intermediates).verify(token)


class TokenVerifier:
    """Verifies the tokens of one bundle for one reader; no work is done for a second of them again.

    Args:
        authorities: those that the reader names.
        intermediates: as for `verify_token`.
    """

    def __init__(
        self, authorities: Sequence[Authority], intermediates: Sequence[bytes] = ()
    ) -> None:
        self._authorities = authorities
        pinned = [one.certificate for one in authorities if one.certificate is not None]
        self._others = (*pinned, *intermediates)
        self._store: CertificateStore | None = None

    def verify(self, token: Token) -> TimeStamp:
        """Verify who signed a token, and that the certificates were valid when it says.

        Raises:
            Rejection: ``time.token-malformed``, ``time.token-signature``, ``time.token-algorithm``,
                ``time.certificate-*``, ``time.root-not-self-issued``.
            Indeterminate: ``time.authority-not-named``, ``time.backend-missing``,
                ``time.root-key``, ``time.too-many-checks``.
        """
        store = self._certificates()
        known = [
            store.load(der, where)
            for where, ders in ((token.where, token.certificates), ("yours", self._others))
            for der in ders
        ]
        signer = _signer_certificate(token, known)
        if signer is None:
            raise _not_named(token, "its certificate is neither in the token nor in your policy")
        store.spend_check()
        verify_signature(token, signer)
        for found, authority in self._chains(token, signer, known, store):
            if not found.not_before_ns <= token.gen_time_ns <= found.not_after_ns:
                raise Rejection(
                    "time.certificate-not-valid",
                    "a certificate of the authority was not valid at the time in the token",
                    where=token.where,
                    got=signer.subject.rfc4514_string(),
                )
            is_last_second = token.gen_time_ns == found.not_after_ns
            verify_with_openssl(token, found.certificates, is_last_second=is_last_second)
            return TimeStamp(
                token,
                authority.name,
                signer.subject.rfc4514_string(),
                found.not_before_ns,
                found.not_after_ns,
            )
        raise _not_named(token, signer.subject.rfc4514_string())

    def _certificates(self) -> "CertificateStore":
        if self._store is None:
            try:
                import rfc3161_client  # noqa: F401, PLC0415  needs an extra

                from pot_reverify.timestamps.chain import CertificateStore  # noqa: PLC0415
            except ImportError:
                raise Indeterminate(
                    "time.backend-missing",
                    "time-stamp tokens are checked with the packages cryptography and "
                    "rfc3161-client",
                    needs=NEEDS_BACKEND,
                ) from None
            self._store = CertificateStore()
        return self._store

    def _chains(
        self,
        token: Token,
        signer: "Certificate",
        known: Sequence["Certificate"],
        store: "CertificateStore",
    ) -> Iterator[tuple["Chain", Authority]]:
        from pot_reverify.timestamps import chain  # noqa: PLC0415  needs an extra

        chain.require_time_stamping(signer, token.where)
        for authority in self._authorities:
            if authority.certificate not in {None, chain.der_of(signer)}:
                continue
            root = store.load(authority.root, authority.name)
            _require_root(root, authority.name)
            found = store.find_chain(signer, known, root)
            if found is not None:
                yield found, authority


def _require_root(root: "Certificate", where: str) -> None:
    from pot_reverify.timestamps.chain import MAX_RSA_BITS, has_short_key  # noqa: PLC0415

    if root.issuer != root.subject:
        raise Rejection(
            "time.root-not-self-issued",
            "the certificate that you name as a root is one of another authority",
            where=where,
            expected="the certificate at the end of the chain",
            got=root.issuer.rfc4514_string(),
        )
    if not has_short_key(root):
        raise Indeterminate(
            "time.root-key",
            "the root that you name has a key too long to check signatures with",
            needs=f"an authority whose RSA keys have at most {MAX_RSA_BITS} bits",
            where=where,
        )


def _not_named(token: Token, who: str) -> Indeterminate:
    return Indeterminate(
        "time.authority-not-named",
        f"by a time authority that you have not named: {who}",
        needs="the authority's root certificate, from a source that you trust",
        where=token.where,
    )


def _signer_certificate(
    token: Token, certificates: Sequence["Certificate"]
) -> "Certificate | None":
    """The certificate that the signed attribute names by its digest, and the label by its number.

    Raises:
        Rejection: ``time.certificate-other``, if the label names one that the attribute does not.
    """
    from pot_reverify.timestamps.chain import der_of  # noqa: PLC0415  needs an extra

    labelled = {
        der_of(one): one
        for one in certificates
        if one.serial_number == token.signer.serial
        and one.issuer.public_bytes() == token.signer.issuer
    }
    named = [certificate for der, certificate in labelled.items() if token.signer.names(der)]
    if len(labelled) > len(named):
        raise Rejection(
            "time.certificate-other",
            "the label of the signature fits another certificate than the one that is signed",
            where=token.where,
            got=", ".join(sorted(sha256_digest(der).hex() for der in labelled)),
        )
    return named[0] if named else None
