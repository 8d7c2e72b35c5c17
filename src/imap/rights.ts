import type { View } from '../store/types.ts';

/**
 * What a view lets its user do, as rights of RFC 4314 section 2.1, so that a client knows in advance what would be
 * refused. `a` is nowhere: nobody grants rights here, and without it only MYRIGHTS is to be had.
 *
 * The archive takes messages and lets them be deleted (a conserved one says so when it comes to it); its levels come
 * and go by themselves, so nothing can be made (`k`) or removed (`x`). Conservation takes flags other than \Deleted.
 */
export function rightsOn(view: View): string {
  switch (view.tree) {
    case 'archive':
    case 'intake':
      return 'lrswite';
    case 'conservation':
      // Copying into it asks for a package of distribution.
      return 'special' in view && view.special === 'distribution' ? 'lrswi' : 'lrsw';
    case 'watch':
      // What leaves it leaves by itself.
      return 'lrsw';
    case 'local':
      return view.name === 'INBOX' ? 'lrswikte' : 'lrswikxte';
  }
}
