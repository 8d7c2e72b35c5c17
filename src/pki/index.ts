export { issueCertificate } from './certificate.ts';
export { pemDecodeAll, pemEncode } from './pem.ts';
