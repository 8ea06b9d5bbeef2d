// Gets tokens as an application would that knows the issuer, its client id and its secret: openid-client reads the
// discovery document, in the form of OAuth 2.0 and in that of OpenID Connect, and authenticates in both ways. Prints what
// came of each, and of asking for a tenant that has not granted.
import * as client from "openid-client";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, USER_TENANT, OTHER_TENANT } = process.env;

const methods = {
  client_secret_basic: client.ClientSecretBasic(CLIENT_SECRET),
  client_secret_post: client.ClientSecretPost(CLIENT_SECRET),
};
const results = {};
for (const algorithm of ["oauth2", "oidc"]) {
  for (const [name, method] of Object.entries(methods)) {
    // The server under test listens on loopback, without TLS.
    const options = { algorithm, execute: [client.allowInsecureRequests] };
    const config = await client.discovery(new URL(ISSUER), CLIENT_ID, undefined, method, options);
    const granted = await client.clientCredentialsGrant(config, { tenant: USER_TENANT, scope: "assets:read" });
    const refused = await client.clientCredentialsGrant(config, { tenant: OTHER_TENANT }).then(
      () => "a token",
      (error) => `${error.status} ${error.error}: ${error.cause.reason}`,
    );
    results[`${algorithm}, ${name}`] = {
      type: granted.token_type, scope: granted.scope, expiresIn: granted.expiresIn(), refused,
    };
  }
}
console.log(JSON.stringify(results));
