<?php
/**
 * The HTML of a product with its button, the same for shortcode and block.
 *
 * Nothing in it belongs to a reader, so that any cache may keep the page.
 */

declare(strict_types=1);

namespace Cartproxy\Button;

use Cartproxy\Form;
use Cartproxy\Products;
use Cartproxy\Service;
use Cartproxy\Settings;
use Cartproxy\Widget;

defined( 'ABSPATH' ) || exit;

/** Attributes of the link: the theme's classes for buttons, which cover other lines unless they are blocks. */
const LINK = ' class="wp-element-button" style="display:inline-block"';

/** What an author can set, and the defaults; all values but `link` are text as the author wrote it. */
const ATTRIBUTES = array(
	'id'          => '',
	'text'        => '',
	'shown_price' => '',
	'quantity'    => '1',
	'url'         => '',
	'fallback'    => '',
	'details'     => 'yes',
	'price_check' => '',
	'text_sold'   => '',
	'link'        => LINK,
);

/**
 * The product's name, price and button; a comment that says what is wrong if they can't be shown.
 *
 * @param array $attributes As ATTRIBUTES.
 * @param array $options Option set => option, both as numbers: what is chosen already.
 */
function html( array $attributes, array $options = array() ): string {
	$attributes['id'] = number( $attributes['id'] );
	if ( '' === $attributes['id'] ) {
		return mistake( 'the id must be a product\'s catalog id', __( 'The id of a cart button must be a product\'s catalog id, such as 3829.', 'cartproxy' ) );
	}
	$text = '' === $attributes['text'] ? __( 'Add to cart', 'cartproxy' ) : $attributes['text'];
	$url  = esc_url_raw( $attributes['url'], array( 'http', 'https' ) );
	if ( ! Settings\complete() ) {
		$link = '' === $url ? '' : link( $url, $text, $attributes['link'] );
		return without_settings() . $link;
	}
	$product                = Products\find( (int) $attributes['id'] );
	$attributes['quantity'] = quantity( $attributes['quantity'], $product );
	$url                    = '' === $url ? esc_url_raw( $product['product_url'] ?? '', array( 'http', 'https' ) ) : $url;
	// Programs that read feeds remove forms.
	$by_form = ( '' === $url || 'form' === $attributes['fallback'] ) && ! is_feed() && ! Form\leads_to_store( $product, $options );
	$way     = '' === $url ? Settings\service_url() . Service\store_path( "/buy/{$attributes['id']}" ) : $url;
	$inside  = $by_form ? Form\html( $attributes, $text, $options, $product ) : link( $way, $text, $attributes['link'] );
	$unknown = null === $product ? about_unknown( $attributes['id'] ) : '';
	Widget\enqueue();
	// A form can't stand in a paragraph, a link and its text can.
	return $unknown . sprintf(
		'<%1$s class="cartproxy-product">%2$s<cart-button%3$s>%4$s</cart-button></%1$s>',
		$by_form ? 'div' : 'span',
		'no' === $attributes['details'] || null === $product ? '' : details( $product ),
		attributes( $attributes, $options, $product, $url ),
		$inside
	);
}

function without_settings(): string {
	return mistake( 'service and store are not set', __( 'Cart buttons need a service and a store: see Settings → cartproxy.', 'cartproxy' ) );
}

/** A catalog id as authors write it, such as "#3829"; empty if it is none. */
function number( string $written ): string {
	$number = trim( str_replace( "\u{a0}", ' ', $written ), " \t\n\r#,;." );
	return preg_match( '/^[1-9][0-9]{0,8}$/D', $number ) ? $number : '';
}

/** Why name and price are missing. */
function about_unknown( string $id ): string {
	if ( Service\is_away() ) {
		return mistake( 'the service did not answer', __( 'The service does not answer, so name and price are missing here: see Settings → cartproxy.', 'cartproxy' ) );
	}
	/* translators: %s: a catalog id. */
	return mistake( 'the store has no such product', sprintf( __( 'The store has no product %s, or does not show it.', 'cartproxy' ), $id ) );
}

/** Why there is no button: a comment for everybody, and a text for those who can edit posts. */
function mistake( string $reason, string $words ): string {
	$shown = current_user_can( 'edit_posts' ) ? sprintf( '<span class="cartproxy-mistake" style="display:block">%s</span>', esc_html( $words ) ) : '';
	return "<!-- cartproxy: $reason -->$shown";
}

function details( array $product ): string {
	return sprintf(
		'<span class="cartproxy-name">%s</span> <span class="cartproxy-price">%s</span> ',
		esc_html( $product['name'] ),
		esc_html( Products\money( $product['price'], $product['currency'] ) )
	);
}

/** The attributes of `<cart-button>`, with the price that the page shows, whoever wrote it. */
function attributes( array $attributes, array $options, ?array $product, string $url ): string {
	$shown = '' === $attributes['shown_price'] && 'no' !== $attributes['details'] ? ( $product['price'] ?? '' ) : $attributes['shown_price'];
	$given = array(
		'catalog-id'  => $attributes['id'],
		'quantity'    => '1' === $attributes['quantity'] ? '' : $attributes['quantity'],
		'shown-price' => preg_match( '/\d/', $shown ) ? $shown : '',
		'price-check' => 'block' === $attributes['price_check'] ? 'block' : '',
		'product-url' => $url,
		'text-sold'   => $attributes['text_sold'],
	);
	foreach ( $options as $set => $option ) {
		$given[ "option-$set" ] = (string) $option;
	}
	$html = '';
	foreach ( array_filter( $given, 'strlen' ) as $name => $value ) {
		$html .= sprintf( ' %s="%s"', esc_attr( $name ), esc_attr( $value ) );
	}
	return $html;
}

/** A link with these additional attributes, which are HTML. */
function link( string $url, string $text, string $attributes ): string {
	return sprintf( '<a href="%s"%s>%s</a>', esc_url( $url ), $attributes, esc_html( $text ) );
}

/** The quantity that a press adds: at least the product's minimum. */
function quantity( string $quantity, ?array $product ): string {
	$quantity = str_replace( ',', '.', trim( $quantity ) );
	$quantity = preg_match( '/^\d{1,6}(\.\d{1,4})?$/D', $quantity ) && (float) $quantity > 0 ? $quantity : '1';
	$least    = $product['minimum_quantity'] ?? '';
	$least    = '' === $least ? ( $product['quantity_step'] ?? '' ) : $least;
	return (float) $quantity < (float) $least ? $least : $quantity;
}
