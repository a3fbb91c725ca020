// SPDX-License-Identifier: Apache-2.0
// A part of a page whose file comes with the first look at it.
import { useSignal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from '../../../lib/i18n';
import { Failed, Loading } from '../../ui';

/** isAside: what stands there already is not moved by it while it comes. */
export function late<P extends object>(load: () => Promise<FunctionComponent<P>>, isAside = false): FunctionComponent<P> {
  let known: FunctionComponent<P> | null = null;
  return function Late(props: P) {
    const view = useSignal(known);
    const why = useSignal<unknown>(null);
    const fetch = () => {
      why.value = null;
      load().then(
        (found) => (view.value = known = found),
        () => (why.value = new Error(t('loadFailed'))),
      );
    };
    useEffect(() => {
      if (!known) fetch();
    }, []);
    const View = view.value;
    if (why.value) return <Failed why={why.value} onRetry={fetch} />;
    return View ? <View {...props} /> : isAside ? null : <Loading />;
  };
}
