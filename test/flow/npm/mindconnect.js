// Gets a token as an application that moved over from the Insights Hub would, with its unmodified client, which fetches the
// key and verifies the token by itself. Prints the token.
const { TokenManagerAuth } = require("@mindconnect/mindconnect-nodejs");

const env = process.env;
const credentials = `${env.MDSP_KEY_STORE_CLIENT_ID}:${env.MDSP_KEY_STORE_CLIENT_SECRET}`;
const basic = `Basic ${Buffer.from(credentials).toString("base64")}`;
const auth = new TokenManagerAuth(
  env.GATEWAY, basic, env.MDSP_HOST_TENANT, env.USER_TENANT, env.MDSP_OS_VM_APP_NAME, env.MDSP_OS_VM_APP_VERSION,
);

auth.GetToken().then(
  (token) => console.log(token),
  (error) => { console.error(String(error)); process.exit(1); },
);
