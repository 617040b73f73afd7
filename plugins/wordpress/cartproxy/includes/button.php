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
use Cartproxy\Settings;
use Cartproxy\Widget;

defined( 'ABSPATH' ) || exit;

/** What an author can wish; everything is text as the author wrote it. */
const WISHES = array(
	'id'          => '',
	'text'        => '',
	'shown_price' => '',
	'quantity'    => '1',
	'url'         => '',
	'fallback'    => '',
	'details'     => 'yes',
	'price_check' => '',
);

/**
 * The product's name, price and button; a comment for whoever looks for a mistake.
 *
 * @param array $wish    As WISHES.
 * @param array $options Option set => option, both as numbers: what is chosen already.
 */
function html( array $wish, array $options = array() ): string {
	if ( ! preg_match( '/^[1-9][0-9]{0,8}$/D', $wish['id'] ) ) {
		return '<!-- cartproxy: the id must be a product\'s catalog id -->';
	}
	$text = '' === $wish['text'] ? __( 'Add to cart', 'cartproxy' ) : $wish['text'];
	$url  = esc_url_raw( $wish['url'], array( 'http', 'https' ) );
	if ( ! Settings\complete() ) {
		$link = '' === $url ? '' : link( $url, $text );
		return '<!-- cartproxy: service and store are not set -->' . $link;
	}
	$wish['quantity'] = quantity( $wish['quantity'] );
	$product          = Products\find( (int) $wish['id'] );
	$url              = '' === $url ? esc_url_raw( $product['product_url'] ?? '', array( 'http', 'https' ) ) : $url;
	$by_form          = 'form' === $wish['fallback'] || '' === $url;
	$inside           = $by_form ? Form\html( $wish, $text, $options, $product ) : link( $url, $text );
	Widget\enqueue();
	// A form can't stand in a paragraph, a link and its text can.
	return sprintf(
		'<%1$s class="cartproxy-product">%2$s<cart-button%3$s>%4$s</cart-button></%1$s>',
		$by_form ? 'div' : 'span',
		'no' === $wish['details'] || null === $product ? '' : details( $product ),
		attributes( $wish, $options, $product, $url ),
		$inside
	);
}

function details( array $product ): string {
	return sprintf(
		'<span class="cartproxy-name">%s</span> <span class="cartproxy-price">%s</span> ',
		esc_html( $product['name'] ),
		esc_html( Products\money( $product['price'], $product['currency'] ) )
	);
}

/** The attributes of `<cart-button>`; the price that stands in the page is told, whoever wrote it. */
function attributes( array $wish, array $options, ?array $product, string $url ): string {
	$shown = '' === $wish['shown_price'] && 'no' !== $wish['details'] ? ( $product['price'] ?? '' ) : $wish['shown_price'];
	$given = array(
		'catalog-id'  => $wish['id'],
		'quantity'    => '1' === $wish['quantity'] ? '' : $wish['quantity'],
		'shown-price' => preg_match( '/^\d+(\.\d+)?$/D', $shown ) ? $shown : '',
		'price-check' => 'block' === $wish['price_check'] ? 'block' : '',
		'product-url' => $url,
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

/** A link that the theme draws as its other buttons. */
function link( string $url, string $text ): string {
	return sprintf( '<a href="%s" class="wp-element-button">%s</a>', esc_url( $url ), esc_html( $text ) );
}

function quantity( string $wish ): string {
	return preg_match( '/^\d{1,6}(\.\d{1,4})?$/D', $wish ) && (float) $wish > 0 ? $wish : '1';
}
