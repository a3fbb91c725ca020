// SPDX-License-Identifier: Apache-2.0
// One bundle with hashed names, nothing inline: the server's content policy allows files of its own only.
import { defineConfig } from 'vite';

export default defineConfig({
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
