// Verifies tokens as an API would: jose fetches the keys from where discovery says they are. Prints what came of a good
// token, of one for another audience than this API's, of one whose payload was changed, and of one of the other face.
import { createRemoteJWKSet, jwtVerify } from "jose";

const { ISSUER, TOKEN, HUB_TOKEN } = process.env;

const discovered = await fetch(`${ISSUER}/.well-known/oauth-authorization-server`).then((answer) => answer.json());
const keys = createRemoteJWKSet(new URL(discovered.jwks_uri));

const verify = (token, audience) =>
  jwtVerify(token, keys, {
    issuer: discovered.issuer, audience, typ: "at+jwt", algorithms: ["ES256"],
    requiredClaims: ["iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"],
  }).then(({ payload }) => payload, ({ code, claim }) => ({ code, claim }));

const [header, payload, signature] = TOKEN.split(".");
const claims = JSON.parse(Buffer.from(payload, "base64url"));
const widened = Buffer.from(JSON.stringify({ ...claims, scope: "everything" })).toString("base64url");

const audience = "https://api.example.com";
console.log(JSON.stringify({
  good: await verify(TOKEN, audience),
  "for another audience": await verify(TOKEN, "https://other.example.com"),
  "with another payload": await verify([header, widened, signature].join("."), audience),
  "of the other face": await verify(HUB_TOKEN, audience),
}));
