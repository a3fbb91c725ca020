// SPDX-License-Identifier: Apache-2.0
// One bundle, two programs: the console under /app, and the demo's page. Each loads only its own files.
if (location.pathname.startsWith('/app')) void import('./console/main');
else void import('./demo/main');
