// SPDX-License-Identifier: Apache-2.0
// The console.
import { render } from 'preact';
import { startRouter } from '../lib/router';
import { startKeys } from './keys';
import { load } from './session';
import { Shell } from './shell';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/inbox.css';

startRouter();
startKeys();
const root = document.getElementById('app');
if (root) render(<Shell />, root);
void load();
